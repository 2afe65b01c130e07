"""The Pod status the kubelet reports: phase, conditions, container statuses (pure).

Built anew from the Pod, the runtime's state and the kubelet's own knowledge (`Facts`) after every change.
Rules: https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import NamedTuple

from minik.agent.kubelet import conditions
from minik.agent.kubelet.plan import restart_wanted
from minik.agent.kubelet.quantities import is_sidecar, qos_class
from minik.agent.kubelet.runtime_types import Container, ContainerState, PodState
from minik.api.types import Obj

Waiting = tuple[str, str]  # reason, message
EVICTED = "Evicted"


class Override(NamedTuple):
    """How the kubelet ended the Pod (Evicted, DeadlineExceeded, OutOfcpu...); `disrupted`: for the node's sake."""

    phase: str
    reason: str
    message: str
    disrupted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What only the kubelet knows. Names are container names."""

    now: str  # RFC 3339
    host_ips: Sequence[str] = ()
    waiting: Mapping[str, Waiting] = field(default_factory=dict)  # why it is not running (CrashLoopBackOff, ...)
    started: Callable[[str], bool] = lambda _: True  # past its startup probe
    ready: Callable[[str], bool] = lambda _: True  # its readiness probe says so
    messages: Mapping[str, str] = field(default_factory=dict)  # container id -> termination message
    resources: Mapping[str, Obj] = field(default_factory=dict)  # where they are not yet what the spec says
    resize: Mapping[str, tuple[str, str]] = field(default_factory=dict)  # condition of a resize -> reason, message
    runtime_name: str = "containerd"
    recursive_read_only: bool = False  # what the runtime can do
    ended: bool = False  # the kubelet stopped the Pod for good: nothing is started again
    override: Override | None = None


def make_status(pod: Obj, state: PodState, facts: Facts) -> Obj:
    """The whole status. `pod["status"]` is the last one reported, whose times and unknowns are carried over."""
    spec, old = pod["spec"], pod.get("status") or {}
    has_started = any(state.latest(container["name"]) for container in spec["containers"])
    init = [_container_status(pod, c, state, facts, is_init=True) for c in spec.get("initContainers") or ()]
    regular = [_container_status(pod, c, state, facts) for c in spec["containers"]]
    ephemeral = [_container_status(pod, c, state, facts, debug=True) for c in spec.get("ephemeralContainers") or ()]
    phase = make_phase(pod, init, regular, ended=facts.ended, has_started=has_started)
    if old.get("phase") in ("Succeeded", "Failed"):
        phase = old["phase"]
    status: Obj = {"phase": phase, "observedGeneration": pod["metadata"].get("generation", 1)}
    override = None if state.running else facts.override  # a Pod has not failed while it still runs
    if override:
        status["phase"], status["reason"], status["message"] = override[:3]
    else:
        for name in ("reason", "message"):
            if old.get(name) and phase == old.get("phase") == "Failed":
                status[name] = old[name]
    status["startTime"] = old.get("startTime") or facts.now
    if facts.host_ips:
        status["hostIP"] = facts.host_ips[0]
        status["hostIPs"] = [{"ip": ip} for ip in facts.host_ips]
    ips = pod_ips(pod, state, facts.host_ips) or [entry["ip"] for entry in old.get("podIPs") or ()]
    if ips:
        status["podIP"] = ips[0]
        status["podIPs"] = [{"ip": ip} for ip in ips]
    status["qosClass"] = qos_class(pod)
    if init:
        status["initContainerStatuses"] = init
    status["containerStatuses"] = regular
    if ephemeral:
        status["ephemeralContainerStatuses"] = ephemeral
    status["conditions"] = conditions.make_conditions(pod, status, state, facts.now)
    status["conditions"] += conditions.resize_conditions(pod, facts.resize, facts.now)
    if override and override.disrupted:
        status["conditions"].append(conditions.disruption(pod, override.message, facts.now))
    return status


def last_reported(pod: Obj, own: Obj) -> Obj:
    """The status that the next one builds on: `own`, the last one made here, with what others have set meanwhile."""
    api = pod.get("status") or {}
    mine = [condition for condition in own.get("conditions") or () if condition["type"] in conditions.OWNED]
    known = {condition["type"] for condition in mine}
    others = [condition for condition in api.get("conditions") or () if condition["type"] not in known]
    return {**api, **own, "conditions": [*mine, *others]}


def pod_ips(pod: Obj, state: PodState, host_ips: Sequence[str]) -> list[str]:
    """The Pod's addresses; on the host's network those of the node."""
    sandbox = state.sandbox
    if sandbox is None:
        return []
    return list(host_ips) if pod["spec"].get("hostNetwork") else list(sandbox.ips)


def make_phase(pod: Obj, init: Sequence[Obj], regular: Sequence[Obj], *, ended: bool, has_started: bool) -> str:
    """Pending, Running, Succeeded or Failed, from the container statuses."""
    spec = pod["spec"]
    pending_init = failed_init = waiting = running = stopped = succeeded = 0
    for container, status in zip(spec.get("initContainers") or (), init, strict=True):
        state, last = status["state"], (status.get("lastState") or {}).get("terminated")
        ended_as = state.get("terminated") or (last if "waiting" in state else None)
        if is_sidecar(container):
            if "running" in state:
                running += 1
                pending_init += not status.get("started")
            elif "waiting" in state and last is None:
                pending_init += 1
                waiting += 1
        elif ended_as is None:
            pending_init += 1
        elif ended_as["exitCode"] != 0:
            failed_init += not restart_wanted(pod, container, ended_as["exitCode"])
            pending_init += restart_wanted(pod, container, ended_as["exitCode"])
    for status in regular:
        state, last = status["state"], (status.get("lastState") or {}).get("terminated")
        if "running" in state:
            running += 1
        elif "terminated" in state:
            stopped += 1
            succeeded += state["terminated"]["exitCode"] == 0
        elif last is not None:
            stopped += 1
        else:
            waiting += 1
    if failed_init:
        return "Failed"
    if ended and not running and not stopped:
        return "Failed" if pod["metadata"].get("deletionTimestamp") or pending_init else "Pending"
    if (pending_init and not has_started) or waiting:
        return "Failed" if ended and not running and stopped else "Pending"
    if running:
        return "Running"
    if ended or not stopped:
        return ("Succeeded" if stopped == succeeded else "Failed") if stopped else "Pending"
    again = [
        restart_wanted(pod, container, status["state"]["terminated"]["exitCode"])
        if "terminated" in status["state"]
        else True
        for container, status in zip(spec["containers"], regular, strict=True)
    ]
    if any(again):
        return "Running"
    return "Succeeded" if stopped == succeeded else "Failed"


def _container_status(
    pod: Obj,
    container: Obj,
    state: PodState,
    facts: Facts,
    *,
    is_init: bool = False,
    debug: bool = False,
) -> Obj:
    name = container["name"]
    old = _old_status(pod, name)
    attempts = state.attempts(name)
    newest = attempts[0] if attempts else None
    if newest is None:
        status = _without_container(pod, container, old, facts)
    else:
        status = _from_container(container, newest, facts)
        previous = attempts[1] if len(attempts) > 1 else None
        if previous is not None and previous.state is ContainerState.EXITED:
            status["lastState"] = {"terminated": _terminated(previous, facts)}
        elif (old.get("lastState") or {}).get("terminated") and newest.restart_count:
            status["lastState"] = old["lastState"]
    waiting = facts.waiting.get(name)
    if waiting is not None and "running" not in status["state"]:
        ended = status["state"].get("terminated")
        if ended is not None:
            status["lastState"] = {"terminated": ended}
        status["state"] = {"waiting": _words(*waiting)}
    running = "running" in status["state"]
    status["started"] = running and (debug or facts.started(name))
    if is_init and not is_sidecar(container):
        ended = status["state"].get("terminated")
        status["ready"] = ended is not None and ended["exitCode"] == 0
        status["started"] = running
    else:
        status["ready"] = not debug and bool(status["started"]) and facts.ready(name)
    if debug:
        del status["started"]
    elif running:
        given = facts.resources.get(name, container.get("resources")) or {}
        resources = {key: value for key, value in given.items() if key in ("requests", "limits")}
        status["resources"] = resources
        if allocated := (container.get("resources") or {}).get("requests"):
            status["allocatedResources"] = allocated
    mounts = _mounts(container, facts.recursive_read_only)
    if mounts:
        status["volumeMounts"] = mounts
    return status


def _words(reason: str, message: str) -> Obj:
    return {key: text for key, text in (("reason", reason), ("message", message)) if text}


def _old_status(pod: Obj, name: str) -> Obj:
    old = pod.get("status") or {}
    for kind in ("containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses"):
        for status in old.get(kind) or ():
            if status["name"] == name:
                found: Obj = status
                return found
    return {}


def _without_container(pod: Obj, container: Obj, old: Obj, facts: Facts) -> Obj:
    """Nothing in the runtime: not yet made, or removed behind our back."""
    status: Obj = {
        "name": container["name"],
        "state": {},
        "lastState": {},
        "ready": False,
        "restartCount": old.get("restartCount", 0),
        "image": container.get("image", ""),
        "imageID": "",
    }
    old_state = old.get("state") or {}
    if "terminated" in old_state:
        return {**old, "ready": False}
    if facts.ended and "running" in old_state:
        terminated = {
            "exitCode": 137,
            "reason": "ContainerStatusUnknown",
            "message": "The container could not be located when the pod was terminated",
            "startedAt": None,
            "finishedAt": None,
        }
        status["state"] = {"terminated": terminated}
        return status
    reason = "PodInitializing" if pod["spec"].get("initContainers") else "ContainerCreating"
    status["state"] = {"waiting": {"reason": reason}}
    if old.get("lastState"):
        status["lastState"] = old["lastState"]
    return status


def _from_container(container: Obj, newest: Container, facts: Facts) -> Obj:
    status: Obj = {
        "name": container["name"],
        "state": {},
        "lastState": {},
        "ready": False,
        "restartCount": newest.restart_count,
        "image": newest.image or container.get("image", ""),
        "imageID": newest.image_ref,
        "containerID": f"{facts.runtime_name}://{newest.id}",
    }
    if newest.state is ContainerState.RUNNING:
        status["state"] = {"running": {"startedAt": format_ns(newest.started_at)}}
        if newest.user is not None:
            user = newest.user
            linux: Obj = {"uid": user.uid, "gid": user.gid}
            if user.supplemental_groups:
                linux["supplementalGroups"] = list(user.supplemental_groups)
            status["user"] = {"linux": linux}
    elif newest.state is ContainerState.EXITED:
        status["state"] = {"terminated": _terminated(newest, facts)}
    elif newest.state is ContainerState.UNKNOWN:
        message = "The container could not be located when the pod was terminated"
        terminated = {"exitCode": 137, "reason": "ContainerStatusUnknown", "message": message}
        status["state"] = {"terminated": {**terminated, "startedAt": None, "finishedAt": None}}
    else:
        status["state"] = {"waiting": {"reason": "ContainerCreating"}}
    return status


def _terminated(container: Container, facts: Facts) -> Obj:
    terminated: Obj = {"exitCode": container.exit_code}
    reason = container.reason or ("Completed" if container.exit_code == 0 else "Error")
    message = facts.messages.get(container.id) or container.message
    terminated |= _words(reason, message)
    terminated["startedAt"] = format_ns(container.started_at)
    terminated["finishedAt"] = format_ns(container.finished_at)
    terminated["containerID"] = f"{facts.runtime_name}://{container.id}"
    return terminated


def _mounts(container: Obj, supported: bool) -> list[Obj]:
    mounts = []
    for mount in container.get("volumeMounts") or ():
        entry: Obj = {"name": mount["name"], "mountPath": mount["mountPath"]}
        if mount.get("readOnly"):
            entry["readOnly"] = True
            wanted = mount.get("recursiveReadOnly") in ("Enabled", "IfPossible")
            entry["recursiveReadOnly"] = "Enabled" if wanted and supported else "Disabled"
        mounts.append(entry)
    return mounts


def format_ns(nanoseconds: int) -> str:
    """Nanoseconds since the epoch as metav1.Time; what never happened is the epoch, as upstream shows it."""
    moment = datetime.fromtimestamp(max(nanoseconds, 0) // 10**9, UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
