"""Starts a Job of each CronJob whenever its schedule says so; decisions are in cron_job_plan.py."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from minik.api import cron
from minik.api.status import StatusError
from minik.api.types import Obj
from minik.client.client import Client
from minik.client.clock import format_time
from minik.client.controller import Controller
from minik.client.events import NORMAL, WARNING, object_reference
from minik.client.informer import Change
from minik.client.resources import CRON_JOBS, JOBS
from minik.server.controllers import cron_job_plan as decide
from minik.server.controllers import indexes
from minik.server.controllers.context import ControllerContext
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
        self._cron_jobs = self.watch(context.informers.of(CRON_JOBS))
        self._jobs = self.watch(context.informers.of(JOBS, indexes=indexes.OWNED), _key_of_job)

    async def reconcile(self, key: str) -> float | None:
        cron_job = self._cron_jobs.get_key(key)
        if cron_job is None:
            return None
        jobs = self._jobs.by_index(indexes.CONTROLLER, cron_job["metadata"]["uid"])
        status, events = decide.observe(cron_job, jobs)
        again = None
        if not is_deleting(cron_job) and not cron_job["spec"].get("suspend"):
            again = await self._start_due(cron_job, jobs, status, events)
        for type, reason, message in events:
            self._event(cron_job, type, reason, message)
        if status != (cron_job.get("status") or {}):
            changed = {**cron_job, "status": status}
            await self._client.update(CRON_JOBS, changed, cron_job["metadata"]["namespace"], subresource="status")
        for job in decide.outdated(cron_job, jobs):
            await self._delete(cron_job, job)
        return again

    async def _start_due(
        self, cron_job: Obj, jobs: Sequence[Obj], status: Obj, events: list[decide.Event]
    ) -> float | None:
        """Adds to `status` and `events`. Seconds until the next time on the schedule."""
        try:
            zone = _zone(cron_job)
            schedule = cron.parse(cron_job["spec"]["schedule"])
        except (ZoneInfoNotFoundError, ValueError) as error:
            self._complain(cron_job, error)
            return None
        active = [job for job in jobs if not decide.ended(job)]
        now = self.clock.now()
        todo = decide.plan(cron_job, schedule, zone, active, now)
        events += todo.events
        for job in todo.replace:
            await self._delete(cron_job, job)
        if todo.start is not None:
            await self._create(cron_job, todo.start, zone, status)
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
        else:
            self._event(cron_job, NORMAL, "SuccessfulCreate", f"Created job {job['metadata']['name']}")
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

    def _complain(self, cron_job: Obj, error: Exception) -> None:
        spec = cron_job["spec"]
        if isinstance(error, cron.CronError):
            text = f'unparseable schedule: "{spec["schedule"]}" : {error}'
            self._event(cron_job, WARNING, "UnparseableSchedule", text)
        else:
            text = f'invalid timeZone: "{spec.get("timeZone")}" : {error}'
            self._event(cron_job, WARNING, "UnknownTimeZone", text)

    def _event(self, cron_job: Obj, type: str, reason: str, message: str) -> None:
        self._recorder.event(object_reference("batch/v1", "CronJob", cron_job), type, reason, message)


def _zone(cron_job: Obj) -> tzinfo:
    """Raises ZoneInfoNotFoundError and ValueError."""
    name = cron_job["spec"].get("timeZone")
    return ZoneInfo(name) if name else UTC


def _key_of_job(change: Change) -> Iterable[str]:
    for job in (change.old, change.new):
        reference = controller_of(job) if job is not None else None
        if reference is not None and reference["kind"] == "CronJob":
            yield f"{change.obj['metadata']['namespace']}/{reference['name']}"
