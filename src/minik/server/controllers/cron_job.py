"""Starts a Job of each CronJob whenever its schedule says so; decisions are in cron_job_plan.py."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from minik.api import cron
from minik.api.status import StatusError
from minik.api.types import Obj
from minik.client.client import Client
from minik.client.clock import format_time, parse_time
from minik.client.controller import Controller
from minik.client.events import NORMAL, WARNING, object_reference
from minik.client.informer import Change, object_key
from minik.client.resources import CRON_JOBS, JOBS
from minik.server.controllers import cron_job_plan as decide
from minik.server.controllers import indexes
from minik.server.controllers.context import ControllerContext
from minik.server.controllers.measures import Spread, doubling
from minik.server.controllers.objects import controller_of, is_deleting
from minik.server.controllers.pod_control import namespace_is_terminating

AFTER_DUE = 0.1  # seconds; timers must not ring before their time


class CronJobController(Controller):
    name = "cronjob-controller"
    workers = 2

    def __init__(self, context: ControllerContext) -> None:
        super().__init__(clock=context.clock)
        self._client: Client = context.client_for(self.name)
        self._recorder = context.events.recorder(self.name)
        self._skew = Spread(
            "cronjob_controller_job_creation_skew_duration_seconds",
            "Time between when a cronjob is scheduled to be run, and when the corresponding job is created",
            doubling(1.0, 10),
        )
        self.measures = (self._skew,)
        self._cron_jobs = self.watch(context.informers.of(CRON_JOBS), self._key_now)
        self._jobs = self.watch(context.informers.of(JOBS, indexes=indexes.OWNED), _key_of_job)

    def _key_now(self, change: Change) -> Iterable[str]:
        """A CronJob whose schedule has changed waits for the next time."""
        key = object_key(change.obj)
        if change.old is not None and change.new is not None and decide.is_rescheduled(change.old, change.new):
            wait = self._wait(change.new)
            if wait is not None:
                self.queue.add_after(key, wait)
                return ()
        return (key,)

    def _wait(self, cron_job: Obj) -> float | None:
        """Seconds until the next time; None for a schedule that has none or cannot be read."""
        zone, now = _zone(cron_job["spec"].get("timeZone")), self.clock.now()
        try:
            schedule = cron.parse(cron_job["spec"]["schedule"])
        except cron.CronError:
            return None
        due = decide.next_time(cron_job, schedule, zone, now) if zone is not None else None
        return (due - now).total_seconds() + AFTER_DUE if due is not None else None

    async def reconcile(self, key: str) -> float | None:
        cron_job = self._cron_jobs.get_key(key)
        if cron_job is None:
            return None
        cached = self._jobs.by_index(indexes.CONTROLLER, cron_job["metadata"]["uid"])
        jobs = [*cached, *await self._unseen(cron_job, cached)]
        events: list[decide.Event] = []
        if decide.strangers(cron_job.get("status") or {}, jobs):
            cron_job = await self._client.get(
                CRON_JOBS, cron_job["metadata"]["name"], cron_job["metadata"]["namespace"]
            )
            for job in decide.strangers(cron_job.get("status") or {}, jobs):
                text = f"Saw a job that the controller did not create or forgot: {job['metadata']['name']}"
                events.append((WARNING, "UnexpectedJob", text))
        status, seen = decide.observe(cron_job, jobs)
        events += seen
        for job in decide.outdated(cron_job, jobs):
            await self._delete(cron_job, job)
        again = None
        if not is_deleting(cron_job):
            again = await self._start_due(cron_job, jobs, status, events)
        for type, reason, message in events:
            self._event(cron_job, type, reason, message)
        if status != (cron_job.get("status") or {}):
            changed = {**cron_job, "status": status}
            await self._client.update(CRON_JOBS, changed, cron_job["metadata"]["namespace"], subresource="status")
        return again

    async def _unseen(self, cron_job: Obj, cached: Sequence[Obj]) -> list[Obj]:
        """Jobs the status has as active that only the cache does not have: it may be behind."""
        known = {job["metadata"]["uid"] for job in cached}
        found = []
        for reference in (cron_job.get("status") or {}).get("active") or ():
            if reference["uid"] not in known:
                job = await self._live(reference["name"], reference["namespace"])
                if job is not None and job["metadata"]["uid"] == reference["uid"]:
                    found.append(job)
        return found

    async def _live(self, name: str, namespace: str) -> Obj | None:
        try:
            return await self._client.get(JOBS, name, namespace)
        except StatusError as error:
            if error.code == 404:
                return None
            raise

    async def _start_due(
        self, cron_job: Obj, jobs: Sequence[Obj], status: Obj, events: list[decide.Event]
    ) -> float | None:
        """Adds to `status` and `events`. Seconds until the next time on the schedule."""
        spec = cron_job["spec"]
        zone = _zone(spec.get("timeZone"))
        if zone is None:
            name = spec["timeZone"]
            events.append((WARNING, "UnknownTimeZone", f'invalid timeZone: "{name}": unknown time zone {name}'))
            return None
        if spec.get("suspend"):
            return None
        try:
            schedule = cron.parse(spec["schedule"])
        except cron.CronError as error:
            text = f'unparseable schedule: "{spec["schedule"]}" : {error}'
            events.append((WARNING, "UnparseableSchedule", text))
            return None
        uids = {reference["uid"] for reference in status.get("active") or ()}
        now = self.clock.now()
        todo = decide.plan(cron_job, schedule, zone, [job for job in jobs if job["metadata"]["uid"] in uids], now)
        events += todo.events
        for job in todo.replace:
            await self._delete(cron_job, job)
            status["active"] = [each for each in status["active"] if each["uid"] != job["metadata"]["uid"]]
        if todo.start is not None:
            await self._create(cron_job, todo.start, zone, status)
        if not status.get("active"):
            status.pop("active", None)
        return (todo.again - now).total_seconds() + AFTER_DUE if todo.again is not None else None

    async def _create(self, cron_job: Obj, due: datetime, zone: tzinfo, status: Obj) -> None:
        namespace = cron_job["metadata"]["namespace"]
        wanted = decide.build_job(cron_job, due, zone)
        try:
            job = await self._client.create(JOBS, wanted, namespace)
        except StatusError as error:
            if namespace_is_terminating(error):
                return
            if error.reason != "AlreadyExists":
                self._event(cron_job, WARNING, "FailedCreate", f"Error creating job: {error.message}")
                raise
            existing = await self._live(wanted["metadata"]["name"], namespace)
            if existing is None or not _is_controlled_by(existing, cron_job):
                return  # somebody else's
            job = existing  # made before, and then not noted
        else:
            self._event(cron_job, NORMAL, "SuccessfulCreate", f"Created job {job['metadata']['name']}")
            self._skew.add((parse_time(job["metadata"]["creationTimestamp"]) - due).total_seconds())
        if not decide.ended(job):
            status["active"] = [*status.get("active", ()), decide.job_reference(job)]
        status["lastScheduleTime"] = format_time(due)

    async def _delete(self, cron_job: Obj, job: Obj) -> None:
        metadata = job["metadata"]
        try:
            await self._client.delete(
                JOBS, metadata["name"], metadata["namespace"], uid=metadata["uid"], propagation_policy="Background"
            )
        except StatusError as error:
            if error.code != 404:
                self._event(cron_job, WARNING, "FailedDelete", f"Deleted job: {error.message}")
                raise
        self._event(cron_job, NORMAL, "SuccessfulDelete", f"Deleted job {metadata['name']}")

    def _event(self, cron_job: Obj, type: str, reason: str, message: str) -> None:
        self._recorder.event(object_reference("batch/v1", "CronJob", cron_job), type, reason, message)


def _zone(name: str | None) -> tzinfo | None:
    """None when there is no such zone."""
    if not name:
        return UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return None


def _is_controlled_by(job: Obj, cron_job: Obj) -> bool:
    reference = controller_of(job)
    return reference is not None and reference["uid"] == cron_job["metadata"]["uid"]


def _key_of_job(change: Change) -> Iterable[str]:
    for job in (change.old, change.new):
        reference = controller_of(job) if job is not None else None
        if reference is not None and reference["kind"] == "CronJob":
            yield f"{change.obj['metadata']['namespace']}/{reference['name']}"
