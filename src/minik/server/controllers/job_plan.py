"""Decides for Jobs: Pods to start and stop, what the status says, and when a Job is over.

How ended Pods are counted is in job_count.py, which Pods run in job_scale.py.
Rules: syncJob in kubernetes/pkg/controller/job/job_controller.go.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from minik.api.types import Obj
from minik.client.clock import format_time, parse_time
from minik.server.controllers import job_pods as facts
from minik.server.controllers import job_policies as policies
from minik.server.controllers.job_backoff import Backoff
from minik.server.controllers.job_count import Count, count, failures, note_ended
from minik.server.controllers.job_scale import Scale, scale, total_succeeded
from minik.server.controllers.objects import find_condition, is_deleting
from minik.server.controllers.pods import is_active, is_ready, is_terminating, phase

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
    """`delete` stops Pods of a Job that ends; `remove` those that count for nothing, so their finalizer goes first."""

    status: Obj
    backoff: Backoff
    create: list[int | None] = field(default_factory=list)  # completion indexes, None when not Indexed
    replaces: dict[int, Obj] = field(default_factory=dict)  # the failed Pods of indexes, whose failures are inherited
    delete: list[Obj] = field(default_factory=list)
    remove: list[Obj] = field(default_factory=list)
    release: list[Obj] = field(default_factory=list)  # Pods whose finalizer goes once the status is written
    again: float | None = None
    events: list[tuple[str, str, str]] = field(default_factory=list)  # type, reason, message
    policy_actions: Mapping[str, int] = field(default_factory=dict)  # for metrics


def is_finished(job: Obj) -> bool:
    conditions = (job.get("status") or {}).get("conditions") or ()
    return any(c["type"] in (COMPLETE, FAILED) and c["status"] == "True" for c in conditions)


def plan(job: Obj, pods: Sequence[Obj], now: datetime, backoff: Backoff | None = None, *, may_act: bool = True) -> Plan:
    """`pods` are the Job's, `backoff` is of the plan before. `may_act`: the cache has seen earlier writes."""
    spec, old = job["spec"], job.get("status") or {}
    known = count(job, pods)
    backoff = (backoff or Backoff()).after(known.new_succeeded, known.new_failed)
    result = Plan(status={}, backoff=backoff)
    start = old.get("startTime") or (None if spec.get("suspend") else format_time(now))
    conditions = [*(old.get("conditions") or ())]
    active = [pod for pod in pods if is_active(pod)]
    verdict = _standing_verdict(old) or _failure(job, pods, known, start, now) or _verdict_on_indexes(job, known)
    if verdict is not None:
        result.delete = active
        verdict = verdict if may_act else None  # there may be Pods that the cache has not seen
    else:
        is_managed = may_act and not is_deleting(job)
        todo = scale(job, pods, known, backoff, now) if is_managed else Scale()
        result.create, result.remove, result.again = todo.create, todo.remove, todo.again
        result.replaces = known.waiting
        if _is_complete(job, known, len(active) - len(todo.remove) + len(todo.create)):
            verdict = _COMPLETED
        elif is_managed:
            conditions, start = _suspension(job, conditions, start, now, result)
        if not spec.get("suspend"):
            result.again = _soonest(result.again, _deadline_in(job, start, now))
    result.release = note_ended(job, pods, known, succeeded=None if verdict is None else verdict.succeeded)
    result.policy_actions = known.policy_actions
    result.status = _status(job, pods, active, known, result) | ({"startTime": start} if start else {})
    if verdict is not None:
        is_over = not (known.uncounted or known.is_full or result.status["terminating"])
        conditions = _ending(job, conditions, verdict, is_over, now, result)
    if conditions:
        result.status["conditions"] = conditions
    return result


def _status(job: Obj, pods: Sequence[Obj], active: Sequence[Obj], known: Count, todo: Plan) -> Obj:
    """As it is once Pods were started and stopped."""
    old = job.get("status") or {}
    stopped = [*todo.delete, *todo.remove]
    going = {pod["metadata"]["uid"] for pod in stopped}
    fields = {
        "active": len(active) - len(stopped) + len(todo.create),
        "ready": sum(is_ready(pod) for pod in active if pod["metadata"]["uid"] not in going),
        "terminating": sum(map(is_terminating, pods)) + len(stopped),
        "succeeded": len(known.indexes) if facts.is_indexed(job) else known.succeeded,
        "failed": known.failed,
        "completionTime": old.get("completionTime"),
        "completedIndexes": facts.format_indexes(known.indexes) if facts.is_indexed(job) else "",
    }
    status = {name: value for name, value in fields.items() if value or name in ("ready", "terminating")}
    if policies.limit_per_index(job) is not None:
        status["failedIndexes"] = facts.format_indexes(known.failed_indexes)
    lists = {"succeeded": known.uncounted_succeeded, "failed": known.uncounted_failed}
    status["uncountedTerminatedPods"] = {name: uids for name, uids in lists.items() if uids}
    return status


# -- how it ends


def _standing_verdict(status: Obj) -> Verdict | None:
    """Once decided, an end stays decided."""
    for type in (SUCCESS_CRITERIA_MET, FAILURE_TARGET):
        condition = find_condition(status.get("conditions") or (), type)
        if condition is not None and condition["status"] == "True":
            return Verdict(type == SUCCESS_CRITERIA_MET, condition.get("reason", ""), condition.get("message", ""))
    return None


def _failure(job: Obj, pods: Sequence[Obj], known: Count, start: str | None, now: datetime) -> Verdict | None:
    spec = job["spec"]
    for pod in pods:
        if facts.has_failed(job, pod):
            action, message = policies.failure_action(job, pod)
            if action == "FailJob":
                return Verdict(False, "PodFailurePolicy", message)
    limit = spec.get("backoffLimit", 6)
    if failures(job, known) > limit or _restarted_too_often(job, pods, limit):
        return Verdict(False, "BackoffLimitExceeded", "Job has reached the specified backoff limit")
    left = _deadline_in(job, start, now)
    if left is not None and left <= 0 and not spec.get("suspend"):
        return Verdict(False, "DeadlineExceeded", "Job was active longer than specified deadline")
    return None


def _restarted_too_often(job: Obj, pods: Sequence[Obj], limit: int) -> bool:
    if job["spec"]["template"]["spec"].get("restartPolicy") != "OnFailure":
        return False
    restarts = 0
    for pod in pods:
        if phase(pod) in ("Running", "Pending"):
            status = pod["status"]
            containers = [*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())]
            restarts += sum(each.get("restartCount", 0) for each in containers)
    return restarts >= max(limit, 1)


def _verdict_on_indexes(job: Obj, known: Count) -> Verdict | None:
    if not facts.is_indexed(job):
        return None
    failed, most = len(known.failed_indexes), job["spec"].get("maxFailedIndexes")
    if most is not None and failed > most:
        text = "Job has exceeded the specified maximal number of failed indexes"
        return Verdict(False, "MaxFailedIndexesExceeded", text)
    if failed and failed + len(known.indexes) >= job["spec"]["completions"]:
        return Verdict(False, "FailedIndexes", "Job has failed indexes")
    rule = policies.success_rule(job, known.indexes)
    return None if rule is None else Verdict(True, "SuccessPolicy", f"Matched rules at index {rule}")


_COMPLETED = Verdict(True, "CompletionsReached", "Reached expected number of succeeded pods")


def _is_complete(job: Obj, known: Count, active: int) -> bool:
    completions, succeeded = job["spec"].get("completions"), total_succeeded(job, known)
    return active == 0 and (succeeded > 0 if completions is None else succeeded >= completions)


def _ending(job: Obj, conditions: list[Obj], verdict: Verdict, is_over: bool, now: datetime, result: Plan) -> list[Obj]:
    target, final = (SUCCESS_CRITERIA_MET, COMPLETE) if verdict.succeeded else (FAILURE_TARGET, FAILED)
    for type in (target, final) if is_over else (target,):
        current = find_condition(conditions, type)
        if current is None or current["status"] != "True":
            kept = [condition for condition in conditions if condition is not current]
            conditions = [*kept, _condition(type, "True", verdict.reason, verdict.message, now)]
    if is_over and not verdict.succeeded:
        result.events.append(("Warning", verdict.reason, verdict.message))
    elif is_over:
        result.status["completionTime"] = format_time(now)
        completions = job["spec"].get("completions")
        if completions is not None and result.status.get("succeeded", 0) > completions:
            text = "Too many succeeded pods running after completion count reached"
            result.events.append(("Warning", "TooManySucceededPods", text))
        result.events.append(("Normal", "Completed", "Job completed"))
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


def _suspension(
    job: Obj, conditions: list[Obj], start: str | None, now: datetime, result: Plan
) -> tuple[list[Obj], str | None]:
    """The conditions with Suspended as it is now, and the start time, which suspending takes away."""
    current = find_condition(conditions, SUSPENDED)
    is_shown = current is not None and current["status"] == "True"
    is_suspended = bool(job["spec"].get("suspend"))
    if is_suspended != is_shown:
        verdict, done = ("True", "suspended") if is_suspended else ("False", "resumed")
        shown = _condition(SUSPENDED, verdict, f"Job{done.capitalize()}", f"Job {done}", now)
        kept = [shown if condition is current else condition for condition in conditions]
        conditions = kept if current is not None else [*kept, shown]
        result.events.append(("Normal", done.capitalize(), f"Job {done}"))
        start = None if is_suspended else format_time(now)
    return conditions, start


def _deadline_in(job: Obj, start: str | None, now: datetime) -> float | None:
    seconds = job["spec"].get("activeDeadlineSeconds")
    if seconds is None or not start:
        return None
    return (parse_time(start) + timedelta(seconds=seconds) - now).total_seconds()


def _soonest(*waits: float | None) -> float | None:
    known = [wait for wait in waits if wait is not None]
    return max(0.0, min(known)) + 0.01 if known else None  # timers must not ring before their time


def expires_in(job: Obj, now: datetime) -> float | None:
    """Seconds until ttlSecondsAfterFinished is over; None when the Job stays."""
    ttl = job["spec"].get("ttlSecondsAfterFinished")
    if ttl is None or not is_finished(job):
        return None
    ends = [c for c in job["status"]["conditions"] if c["type"] in (COMPLETE, FAILED) and c["status"] == "True"]
    return (parse_time(ends[0]["lastTransitionTime"]) + timedelta(seconds=ttl) - now).total_seconds()
