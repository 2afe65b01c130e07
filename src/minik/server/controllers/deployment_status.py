"""What a Deployment's status says: counts, and the conditions Available, Progressing and ReplicaFailure.

Texts and rules: kubernetes/pkg/controller/deployment/{progress,sync}.go.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from minik.api.types import Obj
from minik.client.clock import format_time, parse_time
from minik.server.controllers.deployment_rollout import Sets, count, total_wanted
from minik.server.controllers.objects import condition_of, find_condition, without_zeros
from minik.server.controllers.rolling import limits

AVAILABLE, PROGRESSING, FAILURE = "Available", "Progressing", "ReplicaFailure"
FOUND_NEW, CREATED_NEW, NEW_AVAILABLE = "FoundNewReplicaSet", "NewReplicaSetCreated", "NewReplicaSetAvailable"
UPDATED, TIMED_OUT, CREATE_ERROR = "ReplicaSetUpdated", "ProgressDeadlineExceeded", "ReplicaSetCreateError"
PAUSED, RESUMED = "DeploymentPaused", "DeploymentResumed"


def condition(type: str, status: str, reason: str, message: str, now: datetime) -> Obj:
    moment = format_time(now)
    return {
        "type": type,
        "status": status,
        "lastUpdateTime": moment,
        "lastTransitionTime": moment,
        "reason": reason,
        "message": message,
    }


def put_condition(conditions: Sequence[Obj], new: Obj) -> list[Obj]:
    """Replaces unless status and reason are the same; a transition only counts when the status differs."""
    old = find_condition(conditions, new["type"])
    if old is not None and old["status"] == new["status"]:
        if old.get("reason") == new["reason"]:
            return [*conditions]
        new = {**new, "lastTransitionTime": old.get("lastTransitionTime", new["lastTransitionTime"])}
    return [*drop_condition(conditions, new["type"]), new]


def drop_condition(conditions: Iterable[Obj], type: str) -> list[Obj]:
    return [condition for condition in conditions if condition["type"] != type]


def deadline(deployment: Obj) -> int | None:
    """progressDeadlineSeconds; None when there is none (the largest int32 counts as none)."""
    seconds = deployment["spec"].get("progressDeadlineSeconds")
    return None if seconds is None or seconds == 2**31 - 1 else int(seconds)


def with_pause_conditions(deployment: Obj, conditions: Sequence[Obj], now: datetime) -> list[Obj]:
    """Pausing stops the deadline's clock, so it is a Progressing condition of its own."""
    current = find_condition(conditions, PROGRESSING)
    if deadline(deployment) is None or (current is not None and current.get("reason") == TIMED_OUT):
        return [*conditions]
    shown = current is not None and current.get("reason") == PAUSED
    paused = bool(deployment["spec"].get("paused"))
    if paused and not shown:
        return put_condition(conditions, condition(PROGRESSING, "Unknown", PAUSED, "Deployment is paused", now))
    if not paused and shown:
        return put_condition(conditions, condition(PROGRESSING, "Unknown", RESUMED, "Deployment is resumed", now))
    return [*conditions]


def base_status(sets: Sets, conditions: Sequence[Obj], now: datetime) -> Obj:
    """Counts and availability (calculateStatus). `conditions` are those to start from."""
    deployment, everything = sets.deployment, sets.all
    available = sum(count(rs, "availableReplicas") for rs in everything)
    _, max_unavailable = limits(deployment)
    if available >= sets.desired - max_unavailable:
        text = "Deployment has minimum availability."
        shown = condition(AVAILABLE, "True", "MinimumReplicasAvailable", text, now)
    else:
        text = "Deployment does not have minimum availability."
        shown = condition(AVAILABLE, "False", "MinimumReplicasUnavailable", text, now)
    fields = {
        "observedGeneration": deployment["metadata"].get("generation", 0),
        "replicas": sum(count(rs, "replicas") for rs in everything),
        "updatedReplicas": count(sets.new, "replicas") if sets.new is not None else 0,
        "readyReplicas": sum(count(rs, "readyReplicas") for rs in everything),
        "availableReplicas": available,
        "unavailableReplicas": max(0, total_wanted(everything) - available),
        "conditions": put_condition(conditions, shown),
    }
    status = without_zeros(fields)
    status["terminatingReplicas"] = sum(count(rs, "terminatingReplicas") for rs in everything)
    collisions = (deployment.get("status") or {}).get("collisionCount")
    if collisions is not None:
        status["collisionCount"] = collisions
    return status


def rollout_status(sets: Sets, conditions: Sequence[Obj], now: datetime) -> Obj:
    """`base_status` with progress and failures (syncRolloutStatus)."""
    deployment = sets.deployment
    status = base_status(sets, conditions, now)
    shown = status["conditions"]
    if deadline(deployment) is None:
        shown = drop_condition(shown, PROGRESSING)
    else:
        current = find_condition(conditions, PROGRESSING)
        settled = status.get("replicas", 0) == status.get("updatedReplicas", 0)
        if not (settled and current is not None and current.get("reason") == NEW_AVAILABLE):
            shown = _with_progress(sets, status, current, now)
    failures = _failures(sets)
    status["conditions"] = put_condition(shown, failures[0]) if failures else drop_condition(shown, FAILURE)
    return status


def _with_progress(sets: Sets, status: Obj, current: Obj | None, now: datetime) -> list[Obj]:
    deployment, conditions = sets.deployment, status["conditions"]
    if sets.new is not None:
        subject = f'ReplicaSet "{sets.new["metadata"]["name"]}"'
    else:
        subject = f'Deployment "{deployment["metadata"]["name"]}"'
    if is_complete(deployment, status):
        text = f"{subject} has successfully progressed."
        return put_condition(conditions, condition(PROGRESSING, "True", NEW_AVAILABLE, text, now))
    if _has_progressed(deployment, status):
        new = condition(PROGRESSING, "True", UPDATED, f"{subject} is progressing.", now)
        if current is not None and current["status"] == "True":
            new["lastTransitionTime"] = current.get("lastTransitionTime", new["lastTransitionTime"])
        return [*drop_condition(conditions, PROGRESSING), new]
    if has_timed_out(deployment, status, now):
        text = f"{subject} has timed out progressing."
        return put_condition(conditions, condition(PROGRESSING, "False", TIMED_OUT, text, now))
    return [*conditions]


def is_complete(deployment: Obj, status: Obj) -> bool:
    desired = deployment["spec"].get("replicas", 1)
    counts = [status.get(field, 0) for field in ("updatedReplicas", "replicas", "availableReplicas")]
    observed = status.get("observedGeneration", 0) >= deployment["metadata"].get("generation", 0)
    return counts == [desired] * 3 and observed


def _has_progressed(deployment: Obj, new: Obj) -> bool:
    old = deployment.get("status") or {}

    def outdated(status: Obj) -> int:
        return int(status.get("replicas", 0)) - int(status.get("updatedReplicas", 0))

    grew = any(new.get(f, 0) > old.get(f, 0) for f in ("updatedReplicas", "readyReplicas", "availableReplicas"))
    return grew or outdated(new) < outdated(old)


def has_timed_out(deployment: Obj, status: Obj, now: datetime) -> bool:
    seconds = deadline(deployment)
    current = find_condition(status.get("conditions") or (), PROGRESSING)
    if seconds is None or current is None or current.get("reason") == NEW_AVAILABLE:
        return False
    if current.get("reason") == TIMED_OUT:
        return True
    return parse_time(current["lastUpdateTime"]) + timedelta(seconds=seconds) < now


def look_again_in(deployment: Obj, status: Obj, now: datetime) -> float | None:
    """Seconds until the progress deadline, while a rollout is under way."""
    seconds = deadline(deployment)
    current = find_condition(status.get("conditions") or (), PROGRESSING)
    if seconds is None or current is None or is_complete(deployment, status):
        return None
    if current.get("reason") in (TIMED_OUT, PAUSED, NEW_AVAILABLE):
        return None
    left = (parse_time(current["lastUpdateTime"]) + timedelta(seconds=seconds) - now).total_seconds()
    return max(left, 0.0) + 1.0


def _failures(sets: Sets) -> list[Obj]:
    """The failures of the new ReplicaSet, else those of any other, as conditions of the Deployment."""
    candidates = [sets.new] if sets.new is not None else []
    for group in (candidates, sets.all):
        found = [failure for rs in group if (failure := condition_of(rs, FAILURE)) is not None]
        if found:
            return [
                {
                    "type": FAILURE,
                    "status": failure["status"],
                    "lastUpdateTime": failure.get("lastTransitionTime"),
                    "lastTransitionTime": failure.get("lastTransitionTime"),
                    "reason": failure.get("reason", ""),
                    "message": failure.get("message", ""),
                }
                for failure in found
            ]
    return []
