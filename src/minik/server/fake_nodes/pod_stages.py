"""What the kubelet of a fake node does next with a Pod. Pure.

    bound --delay--> Running, Ready --run seconds--> Succeeded or Failed        (restartPolicy Always: runs for ever)
    any --deletionTimestamp--> gone, after a last status when a finalizer keeps it

Annotations of the Pod: `minik.io/fake-run-seconds` until its containers exit, `minik.io/fake-exit-code` with what.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from minik.api.types import Obj
from minik.client.clock import format_time

RUN_SECONDS, EXIT_CODE = "minik.io/fake-run-seconds", "minik.io/fake-exit-code"
FINISHED = ("Succeeded", "Failed")
KILLED = 137
_KINDS = ("containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses")
_DAY = 86400.0


class Stage(Enum):
    """What comes next."""

    NOTHING = "nothing"
    START = "start"
    EXIT = "exit"
    REPORT = "report"  # it runs, and its status says something else
    KILL = "kill"
    REMOVE = "remove"


@dataclass(frozen=True, slots=True)
class Delays:
    """Seconds from a Pod's binding until it runs, and from then until one that does not run for ever exits."""

    start: float = 0.1
    run: float = 1.0


@dataclass(frozen=True, slots=True)
class Place:
    """Addresses of the Pod's node and its own."""

    node: str
    pod: str


def next_stage(pod: Obj) -> Stage:
    """`START` and `EXIT` have a delay, see `delay`."""
    phase = (pod.get("status") or {}).get("phase")
    if pod["metadata"].get("deletionTimestamp"):
        if pod["metadata"].get("finalizers") and phase not in FINISHED:
            return Stage.KILL
        return Stage.REMOVE if pod["metadata"].get("deletionGracePeriodSeconds") != 0 else Stage.NOTHING
    if phase in FINISHED:
        return Stage.NOTHING
    if phase != "Running":
        return Stage.START
    if not _is_reported(pod):
        return Stage.REPORT
    return Stage.NOTHING if runs_forever(pod) else Stage.EXIT


def runs_forever(pod: Obj) -> bool:
    return pod["spec"].get("restartPolicy", "Always") == "Always" and RUN_SECONDS not in _annotations(pod)


def delay(pod: Obj, stage: Stage, delays: Delays) -> float:
    """Seconds from the first sight of the Pod in this stage."""
    if stage is Stage.START:
        return delays.start
    if stage is not Stage.EXIT:
        return 0.0
    try:
        return min(max(float(_annotations(pod).get(RUN_SECONDS, delays.run)), 0.0), 36500 * _DAY)
    except ValueError:
        return delays.run


def running(pod: Obj, place: Place, now: datetime) -> Obj:
    """The status of a Pod all whose containers run."""
    old, time = pod.get("status") or {}, format_time(now)
    spec, known = pod["spec"], _by_name(old)
    inits = [_init(container, known, time) for container in spec.get("initContainers") or ()]
    addresses = place.node if spec.get("hostNetwork") else old.get("podIP") or place.pod
    status = {
        **old,
        "phase": "Running",
        "startTime": old.get("startTime") or time,
        "hostIP": place.node,
        "hostIPs": [{"ip": place.node}],
        "podIP": addresses,
        "podIPs": [{"ip": addresses}],
        "conditions": _conditions(pod, _gates_open(pod), "", time),
        "containerStatuses": [_running(container, known, time) for container in spec["containers"]],
    }
    ephemeral = [_ephemeral(container, known, time) for container in spec.get("ephemeralContainers") or ()]
    for kind, statuses in (("initContainerStatuses", inits), ("ephemeralContainerStatuses", ephemeral)):
        status |= {kind: statuses} if statuses else {}
    return _observed(pod, status)


def exited(pod: Obj, now: datetime, code: int) -> Obj:
    """The status after every container has ended with `code`; they start again if the restartPolicy says so."""
    old, time = pod["status"], format_time(now)
    policy = pod["spec"].get("restartPolicy", "Always")
    if not pod["metadata"].get("deletionTimestamp") and (policy == "Always" or (policy == "OnFailure" and code)):
        again = [_restarted(status, code, time) for status in old.get("containerStatuses") or ()]
        return {**old, "containerStatuses": again}
    phase, reason = ("Failed", "PodFailed") if code else ("Succeeded", "PodCompleted")
    status = {**old, "phase": phase, "conditions": _conditions(pod, False, reason, time)}
    for kind in _KINDS:
        if old.get(kind):
            status[kind] = [_ended(each, code, time) if "running" in each["state"] else each for each in old[kind]]
    return _observed(pod, status)


def exit_code(pod: Obj) -> int:
    text = _annotations(pod).get(EXIT_CODE, "0")
    return int(text) if text.isdecimal() and int(text) < 256 else 1


def _annotations(pod: Obj) -> dict[str, str]:
    return pod["metadata"].get("annotations") or {}


def _is_reported(pod: Obj) -> bool:
    """Whether a running Pod's status is as a kubelet would have it."""
    status = pod["status"]
    if status.get("observedGeneration", 0) < pod["metadata"].get("generation", 0):
        return False
    told = next((c["status"] for c in status.get("conditions") or () if c["type"] == "Ready"), "False")
    return bool((told == "True") == _gates_open(pod))


def _gates_open(pod: Obj) -> bool:
    gates = [gate["conditionType"] for gate in pod["spec"].get("readinessGates") or ()]
    if not gates:
        return True
    told = {c["type"]: c["status"] for c in (pod.get("status") or {}).get("conditions") or ()}
    return all(told.get(gate) == "True" for gate in gates)


def _observed(pod: Obj, status: Obj) -> Obj:
    generation = pod["metadata"].get("generation")
    return {**status, "observedGeneration": generation} if generation else status


def _by_name(status: Obj) -> dict[str, Obj]:
    return {each["name"]: each for kind in _KINDS for each in status.get(kind) or ()}


def _container(container: Obj, known: dict[str, Obj], *, ready: bool, started: bool, state: Obj) -> Obj:
    return {
        "name": container["name"],
        "state": state,
        "lastState": {},
        "ready": ready,
        "restartCount": (known.get(container["name"]) or {}).get("restartCount", 0),
        "image": container.get("image", ""),
        "imageID": "",
        "started": started,
    }


def _running(container: Obj, known: dict[str, Obj], time: str) -> Obj:
    """A container whose image was changed is a new one; any other stays, with the resources that it has now."""
    present = known.get(container["name"])
    if present is not None and present.get("image") == container.get("image") and "running" in present["state"]:
        return {**present, **_resources(container)}
    status = _container(container, known, ready=True, started=True, state={"running": {"startedAt": time}})
    if present is not None:
        status["restartCount"] += 1
    return status | _resources(container)


def _resources(container: Obj) -> Obj:
    given = container.get("resources") or {}
    resources = {key: given[key] for key in ("requests", "limits") if given.get(key)}
    found: Obj = {"resources": resources} if resources else {}
    return found | ({"allocatedResources": resources["requests"]} if "requests" in resources else {})


def _ephemeral(container: Obj, known: dict[str, Obj], time: str) -> Obj:
    status = _container(container, known, ready=False, started=True, state={"running": {"startedAt": time}})
    del status["started"]
    return known.get(container["name"]) or status


def _init(container: Obj, known: dict[str, Obj], time: str) -> Obj:
    if container.get("restartPolicy") == "Always":  # a sidecar
        return _running(container, known, time)
    done = {"terminated": {"exitCode": 0, "reason": "Completed", "startedAt": time, "finishedAt": time}}
    return known.get(container["name"]) or _container(container, known, ready=True, started=False, state=done)


def _terminated(status: Obj, code: int, time: str) -> Obj:
    reason = "Error" if code else "Completed"
    since = (status["state"].get("running") or {}).get("startedAt") or time
    return {"terminated": {"exitCode": code, "reason": reason, "startedAt": since, "finishedAt": time}}


def _ended(status: Obj, code: int, time: str) -> Obj:
    return {**status, "state": _terminated(status, code, time), "ready": False, "started": False}


def _restarted(status: Obj, code: int, time: str) -> Obj:
    again = {"state": {"running": {"startedAt": time}}, "lastState": _terminated(status, code, time)}
    return {**status, **again, "restartCount": status.get("restartCount", 0) + 1}


def _conditions(pod: Obj, ready: bool, ended: str, time: str) -> list[Obj]:
    """The kubelet's, and others' there are. `ended`: the reason why nothing runs any more."""
    verdicts = {
        "PodReadyToStartContainers": (not ended, ""),
        "Initialized": (True, ended if ended == "PodCompleted" else ""),
        "Ready": (ready, ended or ("" if ready else "ReadinessGatesNotReady")),
        "ContainersReady": (not ended, ended),
        "PodScheduled": (True, ""),
    }
    present = {c["type"]: c for c in (pod.get("status") or {}).get("conditions") or ()}
    generation = pod["metadata"].get("generation")
    result = []
    for type, (holds, reason) in verdicts.items():
        verdict, old = "True" if holds else "False", present.pop(type, None)
        same = old is not None and old["status"] == verdict and old.get("lastTransitionTime")
        condition = {
            "type": type,
            "status": verdict,
            "lastProbeTime": None,
            "lastTransitionTime": old["lastTransitionTime"] if same and old else time,
        }
        condition |= {"reason": reason} if reason else {}
        result.append(condition | ({"observedGeneration": generation} if generation else {}))
    return [*result, *present.values()]
