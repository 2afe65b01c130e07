"""Decides for Jobs: Pods to start and stop, what the status counts, and when a Job is over.

A finished Pod is counted exactly once, whatever fails in between: its uid is first written to
status.uncountedTerminatedPods, then its finalizer is removed, then it moves into the counters.
Rules: kubernetes/pkg/controller/job/job_controller.go.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from minik.api.types import Obj
from minik.client.clock import format_time, parse_time
from minik.server.controllers import job_pods as facts
from minik.server.controllers import job_policies as policies
from minik.server.controllers.objects import find_condition, is_deleting
from minik.server.controllers.pods import is_active, is_ready, is_terminating, least_valuable_first, phase, restarts

BURST = 500
FIRST_BACKOFF, LONGEST_BACKOFF = 10.0, 600.0  # seconds before a failed Pod is replaced

COMPLETE, FAILED, SUSPENDED = "Complete", "Failed", "Suspended"
SUCCESS_CRITERIA_MET, FAILURE_TARGET = "SuccessCriteriaMet", "FailureTarget"  # decided, Pods still to end


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a Job ends."""

    succeeded: bool
    reason: str
    message: str


@dataclass(slots=True)
class Plan:
    status: Obj
    create: list[int | None] = field(default_factory=list)  # completion indexes, None when not Indexed
    delete: list[Obj] = field(default_factory=list)
    release: list[Obj] = field(default_factory=list)  # Pods whose finalizer goes once the status is written
    again: float | None = None
    events: list[tuple[str, str, str]] = field(default_factory=list)  # type, reason, message


@dataclass(slots=True)
class _Count:
    """What is known of the Pods so far."""

    succeeded: int
    failed: int
    indexes: set[int]
    failed_indexes: set[int]
    uncounted_succeeded: list[str]
    uncounted_failed: list[str]
    release: list[Obj] = field(default_factory=list)

    @property
    def all_succeeded(self) -> int:
        return self.succeeded + len(self.uncounted_succeeded)

    @property
    def all_failed(self) -> int:
        return self.failed + len(self.uncounted_failed)


def is_finished(job: Obj) -> bool:
    conditions = (job.get("status") or {}).get("conditions") or ()
    return any(c["type"] in (COMPLETE, FAILED) and c["status"] == "True" for c in conditions)


def plan(job: Obj, pods: Sequence[Obj], now: datetime, *, may_act: bool = True) -> Plan:
    """`pods` are the Job's. `may_act`: the cache has seen earlier creates and deletes."""
    spec, old = job["spec"], job.get("status") or {}
    active = [pod for pod in pods if is_active(pod)]
    terminating = [pod for pod in pods if is_terminating(pod)]
    verdict = _standing_verdict(old) or _failure(job, pods, active, now)
    count = _count(job, pods, over=verdict is not None)
    verdict = verdict or _verdict(job, count, active)
    result = Plan(status={}, release=count.release)
    suspended = bool(spec.get("suspend")) and verdict is None
    if may_act:
        _plan_pods(job, pods, active, terminating, count, verdict, suspended, now, result)
    conditions, start = _suspension(old, suspended, verdict is not None, now, result)
    over = verdict is not None and not (active or terminating or count.uncounted_succeeded or count.uncounted_failed)
    if verdict is not None:
        conditions = _ending(conditions, verdict, over, now, result)
    fields = {
        "active": 0 if over else len(active),
        "ready": sum(map(is_ready, active)),
        "terminating": len(terminating),
        "succeeded": len(count.indexes) if facts.is_indexed(job) else count.succeeded,
        "failed": count.failed,
        "startTime": start,
        "completionTime": format_time(now) if over and verdict is not None and verdict.succeeded else None,
        "completedIndexes": facts.format_indexes(count.indexes),
        "failedIndexes": facts.format_indexes(count.failed_indexes),
        "conditions": conditions,
    }
    result.status = {name: value for name, value in fields.items() if value or name in ("ready", "terminating")}
    result.status["uncountedTerminatedPods"] = _uncounted(count)
    if policies.limit_per_index(job) is not None:
        result.status.setdefault("failedIndexes", "")
    result.again = _soonest(result.again, _deadline_in(job, start, now) if verdict is None else None)
    return result


def _uncounted(count: _Count) -> Obj:
    lists = {"succeeded": count.uncounted_succeeded, "failed": count.uncounted_failed}
    return {name: uids for name, uids in lists.items() if uids}


def _count(job: Obj, pods: Sequence[Obj], *, over: bool) -> _Count:
    """Move what lost its finalizer into the counters, and note Pods that ended since."""
    old = job.get("status") or {}
    tracked = {pod["metadata"]["uid"] for pod in pods if facts.is_tracked(pod)}
    uncounted = old.get("uncountedTerminatedPods") or {}
    waiting_succeeded = [uid for uid in uncounted.get("succeeded") or () if uid in tracked]
    waiting_failed = [uid for uid in uncounted.get("failed") or () if uid in tracked]
    count = _Count(
        succeeded=old.get("succeeded", 0) + len(uncounted.get("succeeded") or ()) - len(waiting_succeeded),
        failed=old.get("failed", 0) + len(uncounted.get("failed") or ()) - len(waiting_failed),
        indexes=facts.parse_indexes(old.get("completedIndexes", ""), job["spec"].get("completions") or 0),
        failed_indexes=facts.parse_indexes(old.get("failedIndexes", ""), job["spec"].get("completions") or 0),
        uncounted_succeeded=waiting_succeeded,
        uncounted_failed=waiting_failed,
    )
    for pod in pods:
        if facts.is_tracked(pod):
            _note_end(job, pod, count, over=over)
    return count


def _note_end(job: Obj, pod: Obj, count: _Count, *, over: bool) -> None:
    uid, index = pod["metadata"]["uid"], facts.index_of(pod)
    failed = facts.has_failed(job, pod)
    if phase(pod) == "Succeeded" and uid not in count.uncounted_failed:
        count.release.append(pod)
        if not facts.is_indexed(job):
            if uid not in count.uncounted_succeeded:
                count.uncounted_succeeded.append(uid)
        elif index is not None and index not in count.failed_indexes:
            count.indexes |= {index} & {*range(job["spec"].get("completions") or 0)}
    elif failed or (over and is_deleting(pod)):
        count.release.append(pod)
        counts = not (phase(pod) == "Failed" and policies.failure_action(job, pod)[0] == "Ignore")
        if counts and uid not in count.uncounted_failed:
            count.uncounted_failed.append(uid)
        if failed and index is not None and index not in count.indexes and policies.fails_its_index(job, pod):
            count.failed_indexes.add(index)


# -- how it ends


def _standing_verdict(status: Obj) -> Verdict | None:
    """Once decided, an end stays decided."""
    for type in (SUCCESS_CRITERIA_MET, FAILURE_TARGET):
        condition = find_condition(status.get("conditions") or (), type)
        if condition is not None and condition["status"] == "True":
            return Verdict(type == SUCCESS_CRITERIA_MET, condition.get("reason", ""), condition.get("message", ""))
    return None


def _failure(job: Obj, pods: Sequence[Obj], active: Sequence[Obj], now: datetime) -> Verdict | None:
    spec, status = job["spec"], job.get("status") or {}
    for pod in pods:
        if phase(pod) == "Failed":
            action, message = policies.failure_action(job, pod)
            if action == "FailJob":
                return Verdict(False, "PodFailurePolicy", message)
    limit = spec.get("backoffLimit", 6)
    if spec["template"]["spec"].get("restartPolicy") == "OnFailure":
        total = sum(restarts(pod) for pod in active)
        if total > 0 if limit == 0 else total >= limit:
            return Verdict(False, "BackoffLimitExceeded", "Job has reached the specified backoff limit")
    start, deadline = status.get("startTime"), spec.get("activeDeadlineSeconds")
    if start and deadline is not None and not spec.get("suspend"):
        if now < parse_time(start) + timedelta(seconds=deadline):
            return None
        return Verdict(False, "DeadlineExceeded", "Job was active longer than specified deadline")
    return None


def _verdict(job: Obj, count: _Count, active: Sequence[Obj]) -> Verdict | None:
    if count.all_failed > job["spec"].get("backoffLimit", 6):
        return Verdict(False, "BackoffLimitExceeded", "Job has reached the specified backoff limit")
    completions = job["spec"].get("completions")
    if facts.is_indexed(job):
        return _verdict_on_indexes(job, count, completions)
    succeeded = count.all_succeeded
    done = succeeded > 0 and not active if completions is None else succeeded >= completions
    if done:
        return _COMPLETED
    return None


def _verdict_on_indexes(job: Obj, count: _Count, completions: int) -> Verdict | None:
    rule = policies.success_rule(job, count.indexes)
    if rule is not None:
        return Verdict(True, "SuccessPolicy", f"Matched rules at index {rule}")
    failed, most = len(count.failed_indexes), job["spec"].get("maxFailedIndexes")
    if most is not None and failed > most:
        text = "Job has exceeded the specified maximal number of failed indexes"
        return Verdict(False, "MaxFailedIndexesExceeded", text)
    if len(count.indexes) >= completions:
        return _COMPLETED
    if failed and failed + len(count.indexes) >= completions:
        return Verdict(False, "FailedIndexes", "Job has failed indexes")
    return None


_COMPLETED = Verdict(True, "CompletionsReached", "Reached expected number of succeeded pods")


def _ending(conditions: list[Obj], verdict: Verdict, over: bool, now: datetime, result: Plan) -> list[Obj]:
    target, final = (SUCCESS_CRITERIA_MET, COMPLETE) if verdict.succeeded else (FAILURE_TARGET, FAILED)
    for type in (target, final) if over else (target,):
        if find_condition(conditions, type) is None:
            conditions = [*conditions, _condition(type, "True", verdict.reason, verdict.message, now)]
            if type == COMPLETE:
                result.events.append(("Normal", "Completed", "Job completed"))
            elif type == FAILED:
                result.events.append(("Warning", verdict.reason, verdict.message))
    return conditions


def _condition(type: str, status: str, reason: str, message: str, now: datetime) -> Obj:
    moment = format_time(now)
    return {
        "type": type,
        "status": status,
        "lastProbeTime": moment,
        "lastTransitionTime": moment,
        "reason": reason,
        "message": message,
    }


def _suspension(old: Obj, suspended: bool, ending: bool, now: datetime, result: Plan) -> tuple[list[Obj], str | None]:
    """The conditions with Suspended as it is now, and the start time, which suspending takes away."""
    conditions = list(old.get("conditions") or ())
    start = old.get("startTime")
    current = find_condition(conditions, SUSPENDED)
    is_shown = current is not None and current["status"] == "True"
    if suspended:
        start = None
        if not is_shown:
            shown = _condition(SUSPENDED, "True", "JobSuspended", "Job suspended", now)
            conditions = [*(c for c in conditions if c is not current), shown]
            result.events.append(("Normal", "Suspended", "Job suspended"))
    elif not ending:
        if is_shown:
            shown = _condition(SUSPENDED, "False", "JobResumed", "Job resumed", now)
            conditions = [*(c for c in conditions if c is not current), shown]
            result.events.append(("Normal", "Resumed", "Job resumed"))
        start = start or format_time(now)
    return conditions, start


# -- which Pods run


def _plan_pods(
    job: Obj,
    pods: Sequence[Obj],
    active: Sequence[Obj],
    terminating: Sequence[Obj],
    count: _Count,
    verdict: Verdict | None,
    suspended: bool,
    now: datetime,
    result: Plan,
) -> None:
    if verdict is not None or suspended:
        result.delete = [*active]
        return
    spec = job["spec"]
    parallelism, completions = spec.get("parallelism", 1), spec.get("completions")
    succeeded = len(count.indexes) if facts.is_indexed(job) else count.all_succeeded
    if completions is None:
        wanted = len(active) if succeeded else parallelism
    else:
        wanted = max(0, min(completions - succeeded - len(count.failed_indexes), parallelism))
    surplus = len(active) - wanted
    if surplus > 0:
        result.delete = [*least_valuable_first(active, active, now)[:surplus]][:BURST]
        return
    missing = -surplus - (len(terminating) if facts.replaces_only_failed(job) else 0)
    if missing <= 0:
        return
    missing = min(missing, BURST)
    if policies.limit_per_index(job) is not None:
        _start_indexes_in_turn(job, pods, _free_indexes(job, active, terminating, count), missing, now, result)
    elif (wait := backoff_left(pods, now)) > 0:
        result.again = wait
    elif facts.is_indexed(job):
        result.create = [*_free_indexes(job, active, terminating, count)[:missing]]
    else:
        result.create = [None] * missing


def _start_indexes_in_turn(
    job: Obj, pods: Sequence[Obj], free: Sequence[int], missing: int, now: datetime, result: Plan
) -> None:
    """With a limit per index each index has a pause of its own after it failed."""
    waits = []
    for index in free:
        wait = backoff_left([pod for pod in pods if facts.index_of(pod) == index], now)
        if wait > 0:
            waits.append(wait)
        elif len(result.create) < missing:
            result.create.append(index)
    result.again = min(waits) if waits else None


def _free_indexes(job: Obj, active: Sequence[Obj], terminating: Sequence[Obj], count: _Count) -> list[int]:
    running = [*active, *terminating] if facts.replaces_only_failed(job) else active
    taken = count.indexes | count.failed_indexes
    taken |= {index for pod in running if (index := facts.index_of(pod)) is not None}
    return [index for index in range(job["spec"]["completions"]) if index not in taken]


def backoff_left(pods: Sequence[Obj], now: datetime) -> float:
    """Seconds before the next Pod may start: 10 s after a failure, doubling with each since the last success."""
    ended = sorted(
        (moment, phase(pod)) for pod in pods if not is_active(pod) and (moment := facts.ended_at(pod)) is not None
    )
    failures = 0
    for _, how in ended:
        failures = 0 if how == "Succeeded" else failures + 1
    if not failures:
        return 0.0
    pause = min(FIRST_BACKOFF * 2.0 ** min(failures - 1, 10), LONGEST_BACKOFF)
    return max(0.0, (ended[-1][0] + timedelta(seconds=pause) - now).total_seconds())


def _deadline_in(job: Obj, start: str | None, now: datetime) -> float | None:
    seconds = job["spec"].get("activeDeadlineSeconds")
    if seconds is None or not start:
        return None
    return max(0.0, (parse_time(start) + timedelta(seconds=seconds) - now).total_seconds()) + 0.01


def _soonest(*waits: float | None) -> float | None:
    known = [wait for wait in waits if wait is not None]
    return min(known) if known else None


def expires_in(job: Obj, now: datetime) -> float | None:
    """Seconds until ttlSecondsAfterFinished is over; None when the Job stays."""
    ttl = job["spec"].get("ttlSecondsAfterFinished")
    if ttl is None or not is_finished(job):
        return None
    ends = [c for c in job["status"]["conditions"] if c["type"] in (COMPLETE, FAILED) and c["status"] == "True"]
    return (parse_time(ends[0]["lastTransitionTime"]) + timedelta(seconds=ttl) - now).total_seconds()
