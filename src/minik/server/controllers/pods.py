"""Facts about Pods that controllers decide by: active, ready, available, and which to give up first.

Rules: kubernetes/pkg/controller/controller_utils.go and pkg/api/pod.
"""

import math
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from minik.api.types import Obj
from minik.client.clock import format_time, parse_time
from minik.server.controllers.objects import annotations_of, condition_of, is_deleting

DELETION_COST = "controller.kubernetes.io/pod-deletion-cost"
_PHASE_ORDER = {"Pending": 0, "Unknown": 1, "Running": 2}


def phase(pod: Obj) -> str:
    return str((pod.get("status") or {}).get("phase", ""))


def is_finished(pod: Obj) -> bool:
    return phase(pod) in ("Succeeded", "Failed")


def is_active(pod: Obj) -> bool:
    return not is_finished(pod) and not is_deleting(pod)


def is_terminating(pod: Obj) -> bool:
    """Asked to go, and still running."""
    return not is_finished(pod) and is_deleting(pod)


def disruption_target(pod: Obj, reason: str, message: str, now: datetime) -> Obj:
    """The condition that says who sends the Pod away, for those who count its failure."""
    old = condition_of(pod, "DisruptionTarget")
    since = old.get("lastTransitionTime") if old is not None and old["status"] == "True" else None
    condition = {
        "type": "DisruptionTarget",
        "status": "True",
        "reason": reason,
        "message": message,
        "lastTransitionTime": since or format_time(now),
    }
    generation = pod["metadata"].get("generation")
    return condition | ({"observedGeneration": generation} if generation else {})


def node_name(pod: Obj) -> str:
    return str(pod["spec"].get("nodeName") or "")


def is_ready(pod: Obj) -> bool:
    condition = condition_of(pod, "Ready")
    return condition is not None and condition["status"] == "True"


def ready_since(pod: Obj) -> datetime | None:
    condition = condition_of(pod, "Ready")
    if condition is None or condition["status"] != "True" or not condition.get("lastTransitionTime"):
        return None
    return parse_time(condition["lastTransitionTime"])


def available_in(pod: Obj, min_ready_seconds: int, now: datetime) -> float | None:
    """Seconds until the Pod counts as available; 0 when it does; None when it is not even ready."""
    if not is_ready(pod):
        return None
    since = ready_since(pod)
    if min_ready_seconds == 0:
        return 0.0
    if since is None:
        return None
    return max(0.0, (since + timedelta(seconds=min_ready_seconds) - now).total_seconds())


def is_available(pod: Obj, min_ready_seconds: int, now: datetime) -> bool:
    return available_in(pod, min_ready_seconds, now) == 0.0


def restarts(pod: Obj) -> int:
    status = pod.get("status") or {}
    sidecars = {c["name"] for c in pod["spec"].get("initContainers") or () if c.get("restartPolicy") == "Always"}
    regular = [c.get("restartCount", 0) for c in status.get("containerStatuses") or ()]
    init = [c.get("restartCount", 0) for c in status.get("initContainerStatuses") or () if c["name"] in sidecars]
    return int(max([*regular, 0]) + max([*init, 0]))


def least_valuable_first(pods: Iterable[Obj], related: Iterable[Obj], now: datetime) -> Sequence[Obj]:
    """The order in which a scale-down gives Pods up.

    Unassigned, then pending, then not ready, then cheap by deletion cost, then doubled up with `related` Pods on a
    node, then ready for the shorter time, then restarted more often, then younger. Ages count by powers of two.
    """
    per_node: dict[str, int] = {}
    for pod in related:
        if is_active(pod):
            per_node[node_name(pod)] = per_node.get(node_name(pod), 0) + 1

    def rank(pod: Obj) -> tuple[object, ...]:
        node = node_name(pod)
        return (
            bool(node),
            _PHASE_ORDER.get(phase(pod), 0),
            is_ready(pod),
            _deletion_cost(pod),
            -per_node.get(node, 0),
            _age_bucket(ready_since(pod), now),
            -restarts(pod),
            _age_bucket(parse_time(pod["metadata"]["creationTimestamp"]), now),
            pod["metadata"]["uid"],
        )

    return sorted(pods, key=rank)


def _deletion_cost(pod: Obj) -> int:
    try:
        return int(annotations_of(pod).get(DELETION_COST, "0"))
    except ValueError:
        return 0


def _age_bucket(since: datetime | None, now: datetime) -> int:
    if since is None:
        return -1
    nanoseconds = (now - since).total_seconds() * 1e9
    return math.floor(math.log2(nanoseconds)) if nanoseconds > 1 else -1
