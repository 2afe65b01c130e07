"""The row of a Pod in tables: what kubectl shows as READY, STATUS and RESTARTS.

The STATUS is no field: it is worked out from phase, reasons and container states, first for init containers, then
for the others. Meaning: https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/
"""

from datetime import datetime
from typing import Any

from minik.api.columns import AGE, NAME, age, or_none, since
from minik.api.scheme import Column
from minik.api.types import Obj

COLUMNS = (
    NAME,
    Column("Ready", description="The aggregate readiness state of this pod for accepting traffic."),
    Column("Status", description="The aggregate status of the containers in this pod."),
    Column(
        "Restarts",
        description=(
            "The number of times the containers in this pod have been restarted and when the last container in "
            "this pod has restarted."
        ),
    ),
    AGE,
    Column(
        "IP",
        priority=1,
        description=(
            "podIP address allocated to the pod. Routable at least within the cluster. Empty if not yet allocated."
        ),
    ),
    Column(
        "Node",
        priority=1,
        description=(
            "NodeName indicates in which node this pod is scheduled. If empty, this pod is a candidate for "
            "scheduling by the scheduler defined in schedulerName. Once this field is set, the kubelet for this "
            "node becomes responsible for the lifecycle of this pod. This field should not be used to express a "
            "desire for the pod to be scheduled on a specific node. "
            "https://kubernetes.io/docs/concepts/scheduling-eviction/assign-pod-node/#nodename"
        ),
    ),
    Column(
        "Nominated Node",
        priority=1,
        description=(
            "nominatedNodeName is set only when this pod preempts other pods on the node, but it cannot be "
            "scheduled right away as preemption victims receive their graceful termination periods. This field "
            "does not guarantee that the pod will be scheduled on this node. Scheduler may decide to place the "
            "pod elsewhere if other nodes become available sooner. Scheduler may also decide to give the "
            "resources on this node to a higher priority pod that is created after preemption. As a result, "
            "this field may be different than PodSpec.nodeName when the pod is scheduled."
        ),
    ),
    Column(
        "Readiness Gates",
        priority=1,
        description=(
            "If specified, all readiness gates will be evaluated for pod readiness. A pod is ready when all its "
            "containers are ready AND all conditions specified in the readiness gates have status equal to "
            '"True" More info: https://git.k8s.io/enhancements/keps/sig-network/580-pod-readiness-gates'
        ),
    ),
)

_COMPLETED = {
    "Succeeded": ("Succeeded", "The pod has completed successfully."),
    "Failed": ("Failed", "The pod failed."),
}


class _Summary:
    """What is counted and concluded while walking over the container statuses."""

    __slots__ = ("last_restart", "ready", "reason", "restarts")

    def __init__(self, reason: str) -> None:
        self.reason = reason
        self.ready = 0
        self.restarts = 0
        self.last_restart = ""

    def count(self, status: Obj) -> None:
        self.restarts += status.get("restartCount", 0)
        finished = _terminated(status.get("lastState")).get("finishedAt") or ""
        self.last_restart = max(self.last_restart, finished)


def _terminated(state: Obj | None) -> Obj:
    return (state or {}).get("terminated") or {}


def _statuses(pod: Obj, kind: str) -> list[str]:
    """What the conditions of a type say; there should be one of each, but nothing enforces that."""
    conditions = pod["status"].get("conditions") or ()
    return [each.get("status", "") for each in conditions if each.get("type") == kind]


def _says(pod: Obj, kind: str) -> bool:
    return _statuses(pod, kind)[:1] == ["True"]


def _exit_reason(terminated: Obj) -> str:
    if terminated.get("reason"):
        return str(terminated["reason"])
    if terminated.get("signal"):
        return f"Signal:{terminated['signal']}"
    return f"ExitCode:{terminated.get('exitCode', 0)}"


def _init_reason(status: Obj, index: int, total: int) -> str:
    state = status.get("state") or {}
    if state.get("terminated") is not None:
        return "Init:" + _exit_reason(state["terminated"])
    waiting = (state.get("waiting") or {}).get("reason", "")
    if waiting and waiting != "PodInitializing":
        return "Init:" + str(waiting)
    return f"Init:{index}/{total}"


def _walk_init_containers(pod: Obj, summary: _Summary, sidecars: _Summary) -> bool:
    """Count restarts and find the init container being waited for; True if there is one."""
    containers = pod["spec"].get("initContainers") or []
    restartable = {each["name"] for each in containers if each.get("restartPolicy") == "Always"}
    for index, status in enumerate(pod["status"].get("initContainerStatuses") or ()):
        summary.count(status)
        is_sidecar = status.get("name") in restartable
        if is_sidecar:
            sidecars.count(status)
        state = status.get("state") or {}
        if state.get("terminated") is not None and state["terminated"].get("exitCode", 0) == 0:
            continue
        if is_sidecar and status.get("started"):
            sidecars.ready += bool(status.get("ready"))
            continue
        summary.reason = _init_reason(status, index, len(containers))
        return True
    return False


def _walk_containers(pod: Obj, summary: _Summary) -> None:
    running, failure = False, ""
    for status in reversed(pod["status"].get("containerStatuses") or ()):
        summary.count(status)
        state = status.get("state") or {}
        waiting = (state.get("waiting") or {}).get("reason")
        if waiting:
            summary.reason = waiting
        elif state.get("terminated") is not None:
            summary.reason = _exit_reason(state["terminated"])
            if state["terminated"].get("exitCode"):
                failure = summary.reason
        elif status.get("ready") and state.get("running") is not None:
            running = True
            summary.ready += 1
    if summary.reason == "Completed":
        if running and "True" in _statuses(pod, "Ready"):
            summary.reason = "Running"
        else:
            summary.reason = failure or ("NotReady" if running else summary.reason)


def _summarize(pod: Obj) -> _Summary:
    status = pod["status"]
    phase = status.get("phase", "")
    summary = _Summary(status.get("reason") or phase)
    conditions = status.get("conditions") or ()
    if any(c.get("type") == "PodScheduled" and c.get("reason") == "SchedulingGated" for c in conditions):
        summary.reason = "SchedulingGated"
    sidecars = _Summary("")
    initializing = _walk_init_containers(pod, summary, sidecars)
    summary.ready = sidecars.ready
    if not initializing or _says(pod, "Initialized"):
        summary.restarts, summary.last_restart = sidecars.restarts, sidecars.last_restart
        _walk_containers(pod, summary)
    if pod["metadata"].get("deletionTimestamp"):
        if status.get("reason") == "NodeLost":
            summary.reason = "Unknown"
        elif phase not in _COMPLETED:
            summary.reason = "Terminating"
    return summary


def _readiness_gates(pod: Obj) -> str:
    gates = pod["spec"].get("readinessGates")
    if not gates:
        return "<none>"
    return f"{sum(_says(pod, gate['conditionType']) for gate in gates)}/{len(gates)}"


def cells(pod: Obj, now: datetime) -> list[Any]:
    pod = {**pod, "spec": pod.get("spec") or {}, "status": pod.get("status") or {}}
    spec, status = pod["spec"], pod["status"]
    summary = _summarize(pod)
    sidecars = sum(each.get("restartPolicy") == "Always" for each in spec.get("initContainers") or ())
    restarts = str(summary.restarts)
    if summary.restarts and summary.last_restart:
        restarts += f" ({since(summary.last_restart, now)} ago)"
    addresses = status.get("podIPs") or [{}]
    return [
        pod["metadata"]["name"],
        f"{summary.ready}/{len(spec.get('containers') or ()) + sidecars}",
        summary.reason,
        restarts,
        age(pod, now),
        or_none(addresses[0].get("ip")),
        or_none(spec.get("nodeName")),
        or_none(status.get("nominatedNodeName")),
        _readiness_gates(pod),
    ]


def row_conditions(pod: Obj) -> list[Obj]:
    """Finished Pods are marked, so that kubectl can grey them out or hide them."""
    phase = (pod.get("status") or {}).get("phase")
    if phase not in _COMPLETED:
        return []
    reason, message = _COMPLETED[phase]
    return [{"type": "Completed", "status": "True", "reason": reason, "message": message}]
