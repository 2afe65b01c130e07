"""Decides for CronJobs: is a Job due, may it start, which old ones go.

Rules and texts: kubernetes/pkg/controller/cronjob.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo

from minik.api.cron import Interval, Schedule
from minik.api.types import Obj
from minik.client.clock import parse_time
from minik.server.controllers.job_plan import COMPLETE, FAILED
from minik.server.controllers.objects import condition_of, is_deleting, own_copy, owner_reference

SCHEDULED_AT = "batch.kubernetes.io/cronjob-scheduled-timestamp"
MANY_MISSED = 100
_NEVER = "9999"  # later than any time
Event = tuple[str, str, str]  # type, reason, message


@dataclass(slots=True)
class Plan:
    """`start` is the time the Job to create is for. `again` is when to look next."""

    start: datetime | None = None
    replace: list[Obj] = field(default_factory=list)  # Jobs to delete before
    again: datetime | None = None
    events: list[Event] = field(default_factory=list)


def ended(job: Obj) -> str:
    """Complete, Failed or "" for a Job that still runs."""
    for type in (COMPLETE, FAILED):
        condition = condition_of(job, type)
        if condition is not None and condition["status"] == "True":
            return type
    return ""


def plan(cron_job: Obj, schedule: Schedule | Interval, zone: tzinfo, active: Sequence[Obj], now: datetime) -> Plan:
    """`active` are the Jobs of status.active that still run."""
    spec = cron_job["spec"]
    result = Plan(again=next_time(cron_job, schedule, zone, now))
    due, missed = _most_recent(cron_job, schedule, zone, now, spec.get("startingDeadlineSeconds"))
    if missed > MANY_MISSED:
        text = "too many missed start times. Set or decrease .spec.startingDeadlineSeconds or check clock skew"
        result.events.append(("Warning", "TooManyMissedTimes", text))
    if due is None or any(name_for(cron_job, due) == job["metadata"]["name"] for job in active):
        return result
    deadline = spec.get("startingDeadlineSeconds")
    if deadline is not None and due + timedelta(seconds=deadline) < now:
        text = f"Missed scheduled time to start a job: {due:%a, %d %b %Y %H:%M:%S %z}"
        result.events.append(("Warning", "MissSchedule", text))
        return result
    policy = spec.get("concurrencyPolicy", "Allow")
    if active and policy == "Forbid":
        text = "Not starting job because prior execution is running and concurrency policy is Forbid"
        result.events.append(("Normal", "JobAlreadyActive", text))
        return result
    if policy == "Replace":
        result.replace = [*active]
    result.start = due
    return result


def next_time(cron_job: Obj, schedule: Schedule | Interval, zone: tzinfo, now: datetime) -> datetime | None:
    """The first time after `now`. An interval goes on from the last time it was due, whenever it is asked."""
    recent, _ = _most_recent(cron_job, schedule, zone, now, None)
    return schedule.next(recent or _since(cron_job), zone)


def is_rescheduled(old: Obj, new: Obj) -> bool:
    """Whether the times changed: the new ones count from the next on, nothing is made up for."""
    return any(old["spec"].get(name) != new["spec"].get(name) for name in ("schedule", "timeZone"))


def _since(cron_job: Obj) -> datetime:
    last = (cron_job.get("status") or {}).get("lastScheduleTime")
    return parse_time(last or cron_job["metadata"]["creationTimestamp"])


def _most_recent(
    cron_job: Obj, schedule: Schedule | Interval, zone: tzinfo, now: datetime, deadline: int | None
) -> tuple[datetime | None, int]:
    """The last scheduled time not after `now` that no Job was started for, and about how many were missed."""
    since = _since(cron_job)
    if deadline is not None:
        since = max(since, now - timedelta(seconds=deadline))
    first = schedule.next(since, zone)
    if first is None or first > now:
        return None, 0
    second = schedule.next(first, zone)
    if second is None or second > now:
        return first, 1
    period = second - first
    missed = int((now - first) / period) + 1
    # near the end the schedule decides: periods differ with months and clocks; an interval counts from the first
    whole = first + ((now - first) // period) * period
    recent, following = first, whole if isinstance(schedule, Interval) else schedule.next(now - 2 * period, zone)
    while following is not None and following <= now:
        recent, following = max(recent, following), schedule.next(following, zone)
    return recent, missed


def name_for(cron_job: Obj, due: datetime) -> str:
    """Fixed by the time, so that no time gets two Jobs."""
    return f"{cron_job['metadata']['name']}-{int(due.timestamp()) // 60}"


def build_job(cron_job: Obj, due: datetime, zone: tzinfo) -> Obj:
    template = own_copy(cron_job["spec"]["jobTemplate"])
    metadata = template.get("metadata") or {}
    scheduled = due.astimezone(zone).isoformat(timespec="seconds")
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": name_for(cron_job, due),
            "namespace": cron_job["metadata"]["namespace"],
            "labels": metadata.get("labels") or {},
            "annotations": {
                **(metadata.get("annotations") or {}),
                SCHEDULED_AT: scheduled.replace("+00:00", "Z") if zone is UTC else scheduled,
            },
            "ownerReferences": [owner_reference(cron_job, "batch/v1", "CronJob")],
        },
        "spec": template["spec"],
    }


def strangers(status: Obj, jobs: Iterable[Obj]) -> list[Obj]:
    """Jobs that run for the CronJob without its having started them, as far as `status` tells."""
    known = {reference["uid"] for reference in status.get("active") or ()}
    return [job for job in jobs if job["metadata"]["uid"] not in known and not ended(job)]


def observe(cron_job: Obj, jobs: Iterable[Obj]) -> tuple[Obj, list[Event]]:
    """The status as the Jobs there are make it, and what to say of them."""
    status = own_copy(cron_job.get("status") or {})
    by_uid = {job["metadata"]["uid"]: job for job in jobs}
    events: list[Event] = []
    active = []
    for reference in status.pop("active", None) or ():
        job = by_uid.get(reference["uid"])
        if job is None:
            events.append(("Normal", "MissingJob", f"Active job went missing: {reference['name']}"))
        elif how := ended(job):
            text = f"Saw completed job: {reference['name']}, condition: {how}"
            events.append(("Normal", "SawCompletedJob", text))
        else:
            active.append(reference)
    times = [job["status"].get("completionTime") for job in by_uid.values() if ended(job) == COMPLETE]
    successes = [*filter(None, [*times, status.get("lastSuccessfulTime")])]
    if successes:
        status["lastSuccessfulTime"] = max(successes)
    return (status | {"active": active} if active else status), events


def job_reference(job: Obj) -> Obj:
    metadata = job["metadata"]
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "name": metadata["name"],
        "namespace": metadata["namespace"],
        "uid": metadata["uid"],
        "resourceVersion": metadata["resourceVersion"],
    }


def outdated(cron_job: Obj, jobs: Iterable[Obj]) -> list[Obj]:
    """Finished Jobs beyond the history limits, oldest first."""
    spec = cron_job["spec"]
    limits = {COMPLETE: spec.get("successfulJobsHistoryLimit", 3), FAILED: spec.get("failedJobsHistoryLimit", 1)}
    jobs = [*jobs]
    surplus = []
    for how, limit in limits.items():
        finished = [job for job in jobs if ended(job) == how and not is_deleting(job)]
        finished.sort(key=lambda job: ((job.get("status") or {}).get("startTime", _NEVER), job["metadata"]["name"]))
        surplus += finished[: max(0, len(finished) - limit)]
    return surplus
