"""The Pod conditions that the kubelet owns (pure). Times change only when a condition's status does.

https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#pod-conditions
"""

from collections.abc import Iterable, Mapping, Sequence

from minik.agent.kubelet.quantities import is_sidecar
from minik.agent.kubelet.runtime_types import PodState
from minik.api.types import Obj

OWNED = ("PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled")
RESIZE = PENDING, IN_PROGRESS = ("PodResizePending", "PodResizeInProgress")  # only there while they hold
_DISRUPTION = "DisruptionTarget"
Verdict = tuple[bool, str, str]  # status, reason, message


def make_conditions(pod: Obj, status: Obj, state: PodState, now: str) -> list[Obj]:
    """`status` is the new status so far: phase and container statuses."""
    containers_ready = _containers_ready(pod, status)
    verdicts = {
        "PodReadyToStartContainers": (_has_network(pod, status, state), "", ""),
        "Initialized": _initialized(pod, status),
        "Ready": _ready(pod, containers_ready),
        "ContainersReady": containers_ready,
        "PodScheduled": (True, "", ""),
    }
    old = {condition["type"]: condition for condition in (pod.get("status") or {}).get("conditions") or ()}
    generation = pod["metadata"].get("generation", 1)
    return [condition(kind, verdict, old.get(kind), now, generation) for kind, verdict in verdicts.items()]


def disruption(pod: Obj, message: str, now: str) -> Obj:
    """DisruptionTarget: the node needs what the Pod uses."""
    known = {condition["type"]: condition for condition in (pod.get("status") or {}).get("conditions") or ()}
    verdict = (True, "TerminationByKubelet", message)
    return condition(_DISRUPTION, verdict, known.get(_DISRUPTION), now, pod["metadata"].get("generation", 1))


def resize_conditions(pod: Obj, found: Mapping[str, tuple[str, str]], now: str) -> list[Obj]:
    """`found`: of which of the two kinds, with reason and message."""
    known = {condition["type"]: condition for condition in (pod.get("status") or {}).get("conditions") or ()}
    generation = pod["metadata"].get("generation", 1)
    return [condition(kind, (True, *words), known.get(kind), now, generation) for kind, words in found.items()]


def condition(kind: str, verdict: Verdict, old: Obj | None, now: str, generation: int) -> Obj:
    """One PodCondition; keeps the old transition time while the status stays."""
    good, reason, message = verdict
    result: Obj = {"type": kind, "status": "True" if good else "False", "lastProbeTime": None}
    same = old is not None and old.get("status") == result["status"]
    result["lastTransitionTime"] = old["lastTransitionTime"] if same and old and old.get("lastTransitionTime") else now
    if reason:
        result["reason"] = reason
    if message:
        result["message"] = message
    result["observedGeneration"] = generation
    return result


def _has_network(pod: Obj, status: Obj, state: PodState) -> bool:
    sandbox = state.sandbox
    if sandbox is None or not sandbox.ready:
        return False
    return bool(pod["spec"].get("hostNetwork") or sandbox.ips)


def _paired(containers: Iterable[Obj], statuses: Sequence[Obj]) -> Iterable[tuple[Obj, Obj | None]]:
    by_name = {status["name"]: status for status in statuses}
    return ((container, by_name.get(container["name"])) for container in containers)


def _complaints(unknown: Sequence[str], unready: Sequence[str], word: str) -> str:
    parts = [f"containers with unknown status: [{' '.join(unknown)}]"] if unknown else []
    if unready:
        parts.append(f"containers with {word} status: [{' '.join(unready)}]")
    return ", ".join(parts)


def _containers_ready(pod: Obj, status: Obj) -> Verdict:
    spec, unknown, unready = pod["spec"], [], []
    sidecars = [init for init in spec.get("initContainers") or () if is_sidecar(init)]
    pairs = [
        *_paired(sidecars, status.get("initContainerStatuses") or ()),
        *_paired(spec["containers"], status.get("containerStatuses") or ()),
    ]
    for container, found in pairs:
        if found is None:
            unknown.append(container["name"])
        elif not found["ready"]:
            unready.append(container["name"])
    if not unknown and status["phase"] == "Succeeded":
        return False, "PodCompleted", ""
    if not unknown and status["phase"] == "Failed":
        return False, "PodFailed", ""
    message = _complaints(unknown, unready, "unready")
    return (False, "ContainersNotReady", message) if message else (True, "", "")


def _initialized(pod: Obj, status: Obj) -> Verdict:
    unknown, incomplete = [], []
    if any(_has_run(found) for found in status.get("containerStatuses") or ()):
        return True, "PodCompleted" if status["phase"] == "Succeeded" else "", ""
    for container, found in _paired(pod["spec"].get("initContainers") or (), status.get("initContainerStatuses") or ()):
        if found is None:
            unknown.append(container["name"])
        elif not (found.get("started") if is_sidecar(container) else found["ready"]):
            incomplete.append(container["name"])
    if status["phase"] == "Succeeded" and not unknown:
        return True, "PodCompleted", ""
    message = _complaints(unknown, incomplete, "incomplete")
    return (False, "ContainersNotInitialized", message) if message else (True, "", "")


def _has_run(status: Obj) -> bool:
    states = (status["state"], status.get("lastState") or {})
    return any("running" in state or "terminated" in state for state in states)


def _ready(pod: Obj, containers_ready: Verdict) -> Verdict:
    if not containers_ready[0]:
        return containers_ready
    known = {condition["type"]: condition for condition in (pod.get("status") or {}).get("conditions") or ()}
    messages = []
    for gate in pod["spec"].get("readinessGates") or ():
        kind = gate["conditionType"]
        if kind not in known:
            messages.append(f'corresponding condition of pod readiness gate "{kind}" does not exist.')
        elif known[kind].get("status") != "True":
            value = known[kind].get("status")
            messages.append(f'the status of pod readiness gate "{kind}" is not "True", but {value}')
    return (False, "ReadinessGatesNotReady", ", ".join(messages)) if messages else (True, "", "")
