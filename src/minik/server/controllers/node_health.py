"""What the control plane concludes from a node's silence: conditions and taints. Pure.

Rules and texts: kubernetes/pkg/controller/nodelifecycle.
https://kubernetes.io/docs/concepts/architecture/nodes/#node-controller
"""

from collections.abc import Iterable, Sequence
from datetime import datetime

from minik.api.tolerations import toleration_matches
from minik.api.types import Obj
from minik.client.clock import format_time
from minik.server.controllers.objects import condition_of

NOT_READY, UNREACHABLE = "node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"
UNSCHEDULABLE = "node.kubernetes.io/unschedulable"
WATCHED_CONDITIONS = ("Ready", "MemoryPressure", "DiskPressure", "PIDPressure")

# condition type -> status -> key of the NoSchedule taint
_TAINT_OF: dict[tuple[str, str], str] = {
    ("Ready", "False"): NOT_READY,
    ("Ready", "Unknown"): UNREACHABLE,
    ("MemoryPressure", "True"): "node.kubernetes.io/memory-pressure",
    ("DiskPressure", "True"): "node.kubernetes.io/disk-pressure",
    ("NetworkUnavailable", "True"): "node.kubernetes.io/network-unavailable",
    ("PIDPressure", "True"): "node.kubernetes.io/pid-pressure",
}
_BETA_LABELS = {"kubernetes.io/os": "beta.kubernetes.io/os", "kubernetes.io/arch": "beta.kubernetes.io/arch"}
_OWN_TAINTS = {*_TAINT_OF.values(), UNSCHEDULABLE}


def ready_status(node: Obj) -> str:
    condition = condition_of(node, "Ready")
    return condition["status"] if condition is not None else "Unknown"


def silenced_conditions(node: Obj, now: datetime) -> list[Obj]:
    """The node's conditions once it has been silent for too long."""
    conditions = [dict(c) for c in (node.get("status") or {}).get("conditions") or ()]
    for type in WATCHED_CONDITIONS:
        current = next((c for c in conditions if c["type"] == type), None)
        if current is None:
            conditions.append(
                {
                    "type": type,
                    "status": "Unknown",
                    "lastHeartbeatTime": node["metadata"].get("creationTimestamp"),
                    "lastTransitionTime": format_time(now),
                    "reason": "NodeStatusNeverUpdated",
                    "message": "Kubelet never posted node status.",
                }
            )
        elif current["status"] != "Unknown":
            current["status"] = "Unknown"
            current["lastTransitionTime"] = format_time(now)
            current["reason"] = "NodeStatusUnknown"
            current["message"] = "Kubelet stopped posting node status."
    return conditions


def wanted_taints(node: Obj, *, evict: bool, now: datetime, spare: bool = False) -> list[Obj] | None:
    """The node's taints as its conditions ask for; None when they are that already.

    `evict`: whether a node that is not ready may get its NoExecute taint now; one it has stays either way until the
    node is ready again. `spare`: no node may have it (`is_cut_off`).
    """
    present = list(node["spec"].get("taints") or ())
    keys = {_TAINT_OF.get((c["type"], c["status"])) for c in (node.get("status") or {}).get("conditions") or ()}
    if node["spec"].get("unschedulable"):
        keys.add(UNSCHEDULABLE)
    no_execute = None if spare else {"False": NOT_READY, "Unknown": UNREACHABLE}.get(ready_status(node))
    wanted = [taint for taint in present if not _is_own(taint) or _is_wanted(taint, keys, no_execute)]
    there = {(taint["key"], taint["effect"]) for taint in wanted}
    for key in sorted(key for key in keys if key):
        if (key, "NoSchedule") not in there:
            wanted.append({"key": key, "effect": "NoSchedule", "timeAdded": format_time(now)})
    was_out = any(taint["effect"] == "NoExecute" and taint["key"] in (NOT_READY, UNREACHABLE) for taint in present)
    if no_execute and (evict or was_out) and (no_execute, "NoExecute") not in there:
        wanted.append({"key": no_execute, "effect": "NoExecute", "timeAdded": format_time(now)})
    return None if wanted == present else wanted


def _is_own(taint: Obj) -> bool:
    if taint["effect"] == "NoExecute":
        return taint["key"] in (NOT_READY, UNREACHABLE)
    return taint["effect"] == "NoSchedule" and taint["key"] in _OWN_TAINTS


def _is_wanted(taint: Obj, no_schedule: set[str | None], no_execute: str | None) -> bool:
    return taint["key"] == no_execute if taint["effect"] == "NoExecute" else taint["key"] in no_schedule


def has_eviction_taint(node: Obj) -> bool:
    taints = node["spec"].get("taints") or ()
    return any(taint["effect"] == "NoExecute" and taint["key"] in (NOT_READY, UNREACHABLE) for taint in taints)


def eviction_rate(nodes: Sequence[Obj], *, normal: float, reduced: float, large: int, threshold: float) -> float:
    """Nodes per second of a zone that may start to be evicted, unless no zone has a ready node (`is_cut_off`).

    When many nodes are not ready: none in small zones, `reduced` in large ones. When all are, the zone is lost.
    """
    not_ready = sum(ready_status(node) != "True" for node in nodes)
    if not_ready < len(nodes) and not_ready > 2 and not_ready / len(nodes) >= threshold:
        return reduced if len(nodes) > large else 0.0
    return normal


def is_cut_off(nodes: Iterable[Obj]) -> bool:
    """Whether no node anywhere is ready: more likely the control plane lost them than they their Pods."""
    return all(ready_status(node) != "True" for node in nodes)


def zone_of(node: Obj) -> str:
    labels = node["metadata"].get("labels") or {}
    return f"{labels.get('topology.kubernetes.io/region', '')}:{labels.get('topology.kubernetes.io/zone', '')}"


def missing_labels(node: Obj) -> dict[str, str]:
    """The deprecated names of labels that must say the same as the ones of today."""
    labels = node["metadata"].get("labels") or {}
    wanted = {beta: labels[stable] for stable, beta in _BETA_LABELS.items() if stable in labels}
    return {name: value for name, value in wanted.items() if labels.get(name) != value}


def eviction_delay(tolerations: Iterable[Obj], taints: Iterable[Obj]) -> float | None:
    """Seconds a Pod may stay on a node with these NoExecute taints; 0: not at all; None: as long as it likes."""
    limits: list[float] = []
    for taint in taints:
        matching = [toleration for toleration in tolerations if toleration_matches(toleration, taint)]
        if not matching:
            return 0.0
        limits += [max(0.0, t["tolerationSeconds"]) for t in matching if t.get("tolerationSeconds") is not None]
    return min(limits) if limits else None
