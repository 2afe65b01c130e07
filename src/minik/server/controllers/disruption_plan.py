"""Decides the status of a PodDisruptionBudget: how many Pods are wanted, healthy, and may be taken away.

Behaviour: https://kubernetes.io/docs/concepts/workloads/pods/disruptions/
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from minik.api.types import Obj
from minik.client.clock import format_time, parse_time
from minik.server.controllers.objects import find_condition, is_deleting
from minik.server.controllers.pods import is_ready
from minik.server.controllers.rolling import scaled

DELETION_TIMEOUT = timedelta(minutes=2)  # an evicted Pod that is still there then counts again
ALLOWED = "DisruptionAllowed"


def needs_scale(spec: Obj) -> bool:
    """Whether the budget is relative to what the Pods' owners want."""
    return spec.get("maxUnavailable") is not None or isinstance(spec.get("minAvailable"), str)


def wanted(spec: Obj, pods: int, scale: int) -> tuple[int, int]:
    """(expectedPods, desiredHealthy). `scale` is the sum of the owners' replicas."""
    most_unavailable, least_available = spec.get("maxUnavailable"), spec.get("minAvailable")
    if most_unavailable is not None:
        return scale, max(0, scale - scaled(most_unavailable, scale, round_up=True))
    if isinstance(least_available, str):
        return scale, scaled(least_available, scale, round_up=True)
    if least_available is not None:
        return pods, least_available
    return 0, 0


def still_disrupted(
    budget: Obj, pods: Sequence[Obj], now: datetime
) -> tuple[dict[str, str], Sequence[Obj], float | None]:
    """Evicted Pods whose deletion has not been seen yet; those given up on; seconds until the next is given up on."""
    evicted: Mapping[str, str] = (budget.get("status") or {}).get("disruptedPods") or {}
    kept, overdue, waits = {}, [], []
    for pod in pods:
        name = pod["metadata"]["name"]
        if is_deleting(pod) or name not in evicted:
            continue
        left = (parse_time(evicted[name]) + DELETION_TIMEOUT - now).total_seconds()
        if left < 0:
            overdue.append(pod)
        else:
            kept[name] = evicted[name]
            waits.append(left + 0.001)
    return kept, overdue, min(waits, default=None)


def new_status(
    budget: Obj, pods: Sequence[Obj], expected: int, desired: int, disrupted: Mapping[str, str], now: datetime
) -> Obj:
    healthy = sum(is_ready(pod) and not is_deleting(pod) and pod["metadata"]["name"] not in disrupted for pod in pods)
    allowed = max(0, healthy - desired) if expected > 0 else 0
    old = budget.get("status") or {}
    status: Obj = {
        "observedGeneration": budget["metadata"].get("generation", 0),
        **({"disruptedPods": dict(disrupted)} if disrupted else {}),
        "disruptionsAllowed": allowed,
        "currentHealthy": healthy,
        "desiredHealthy": desired,
        "expectedPods": expected,
    }
    return with_verdict(status, old, "SufficientPods" if allowed else "InsufficientPods", "", now)


def failed_status(budget: Obj, message: str, now: datetime) -> Obj:
    """When nothing can be calculated, nothing may be taken away."""
    old = budget.get("status") or {}
    counts = {"disruptionsAllowed": 0, "currentHealthy": 0, "desiredHealthy": 0, "expectedPods": 0}
    return with_verdict({**counts, **old, "disruptionsAllowed": 0}, old, "SyncFailed", message, now)


def with_verdict(status: Obj, old: Obj, reason: str, message: str, now: datetime) -> Obj:
    """`status` with its condition DisruptionAllowed; its time moves only with its status."""
    conditions = old.get("conditions") or ()
    before = find_condition(conditions, ALLOWED)
    value = "True" if reason == "SufficientPods" else "False"
    since = before["lastTransitionTime"] if before is not None and before["status"] == value else format_time(now)
    verdict = {
        "type": ALLOWED,
        "status": value,
        "observedGeneration": status.get("observedGeneration", 0),
        "lastTransitionTime": since,
        "reason": reason,
        "message": message,
    }
    if before is None:
        return {**status, "conditions": [*conditions, verdict]}
    return {**status, "conditions": [verdict if one is before else one for one in conditions]}
