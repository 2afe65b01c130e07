"""Decides what to do next for a Pod: which sandbox, which containers to stop and to start (pure).

    sandbox gone or not ready -> stop what is left, make a new one, begin with the init containers
    init containers one after the other; sidecars (restartable init containers) stay and gate the next on `started`
    then all containers; nothing left to run -> finished

Called after every change; does nothing itself (pod_worker.py does). Rules: upstream's computePodActions, KEP-753 for
sidecars, KEP-5307 for restart rules of containers.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from minik.agent.kubelet.quantities import is_sidecar
from minik.agent.kubelet.runtime_config import container_hash
from minik.agent.kubelet.runtime_types import Container, ContainerState, PodState
from minik.api.types import Obj


@dataclass(frozen=True, slots=True)
class ProbeFailure:
    """A liveness or startup probe gave up on a container."""

    container_id: str
    probe: str  # "liveness" or "startup"
    grace: int | None = None  # the probe's own terminationGracePeriodSeconds


@dataclass(frozen=True, slots=True)
class Health:
    """What the probes say. `started`: names of running containers past their startup probe."""

    started: Collection[str] = ()
    failures: Mapping[str, ProbeFailure] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Kill:
    """Stop one container; `message` is the Killing event's."""

    container: Container
    message: str
    grace: int | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do. Containers are started in the order given, when those to be killed are gone."""

    new_sandbox: bool = False
    sandbox_attempt: int = 0
    finished: bool = False
    kills: tuple[Kill, ...] = ()
    starts: tuple[str, ...] = ()


def make_plan(pod: Obj, state: PodState, health: Health, restarting: Collection[str] = ()) -> Plan:
    """`restarting`: ids of containers that were stopped in order to be started again, whatever their exit code."""
    spec = pod["spec"]
    if _needs_sandbox(pod, state):
        return _with_new_sandbox(pod, state, restarting)
    initialized = any(state.current(container["name"]) for container in spec["containers"])
    kills: list[Kill] = []
    starts: list[str] = []
    go_on = True
    for init in spec.get("initContainers") or ():
        if is_sidecar(init):
            go_on = _plan_sidecar(init, state, health, kills, starts) or initialized
        elif not initialized:
            go_on, failed = _plan_init(pod, init, state, kills, starts)
            if failed:
                return Plan(finished=True)
        if not go_on:
            break
    if go_on and _plan_containers(pod, state, health, restarting, kills, starts) == 0:
        return Plan(finished=True)
    for ephemeral in spec.get("ephemeralContainers") or ():
        if state.latest(ephemeral["name"]) is None:
            starts.append(ephemeral["name"])
    return Plan(kills=tuple(kills), starts=tuple(starts))


def _needs_sandbox(pod: Obj, state: PodState) -> bool:
    sandbox = state.sandbox
    if sandbox is None or not sandbox.ready:
        return True
    host_network = bool(pod["spec"].get("hostNetwork"))
    return sandbox.host_network != host_network or (not host_network and not sandbox.ips)


def _with_new_sandbox(pod: Obj, state: PodState, restarting: Collection[str]) -> Plan:
    spec = pod["spec"]
    attempt = state.sandboxes[0].attempt + 1 if state.sandboxes else 0
    ran = any(state.latest(container["name"]) for container in spec["containers"])
    if ran and not any(
        _wanted(pod, container, state.latest(container["name"]), restarting) for container in spec["containers"]
    ):
        return Plan(finished=True)
    if not ran and attempt and spec.get("restartPolicy") == "Never" and _init_failed(pod, state):
        return Plan(finished=True)
    return Plan(new_sandbox=True, sandbox_attempt=attempt)


def _init_failed(pod: Obj, state: PodState) -> bool:
    latest = [state.latest(init["name"]) for init in pod["spec"].get("initContainers") or () if not is_sidecar(init)]
    return any(c is not None and c.state is ContainerState.EXITED and c.exit_code != 0 for c in latest)


def _plan_sidecar(init: Obj, state: PodState, health: Health, kills: list[Kill], starts: list[str]) -> bool:
    """Says whether the containers after it may start."""
    name = init["name"]
    current = state.current(name)
    if current is None or not current.running:
        if current is not None and current.state is ContainerState.UNKNOWN:
            kills.append(Kill(current, f"Container {name} is in unknown state, try killing it before restart"))
        starts.append(name)
        return False
    kill = _reason_to_kill(init, current, health)
    if kill is not None:
        kills.append(kill)
        return False
    return name in health.started


def _plan_init(pod: Obj, init: Obj, state: PodState, kills: list[Kill], starts: list[str]) -> tuple[bool, bool]:
    """(the containers after it may start, the Pod has failed)."""
    name = init["name"]
    current = state.current(name)
    if current is not None and current.running:
        return False, False
    if current is not None and current.state is ContainerState.EXITED:
        if current.exit_code == 0:
            return True, False
        if not restart_wanted(pod, init, current.exit_code):
            return False, True
    if current is not None and current.state is ContainerState.UNKNOWN:
        kills.append(Kill(current, f"Init container {name} is in unknown state, try killing it before restart"))
    starts.append(name)
    return False, False


def _plan_containers(
    pod: Obj,
    state: PodState,
    health: Health,
    restarting: Collection[str],
    kills: list[Kill],
    starts: list[str],
) -> int:
    """Returns how many containers run or will run."""
    alive = 0
    for container in pod["spec"]["containers"]:
        name = container["name"]
        current = state.current(name)
        if current is not None and current.running:
            alive += 1
            kill = _reason_to_kill(container, current, health)
            if kill is not None:
                kills.append(kill)
        elif _wanted(pod, container, state.latest(name), restarting):
            alive += 1
            if current is not None and current.state is ContainerState.UNKNOWN:
                kills.append(Kill(current, f"Container {name} is in unknown state, try killing it before restart"))
            starts.append(name)
    return alive


def _reason_to_kill(container: Obj, current: Container, health: Health) -> Kill | None:
    name = container["name"]
    if current.hash and current.hash != container_hash(container):
        return Kill(current, f"Container {name} definition changed, will be restarted")
    failure = health.failures.get(name)
    if failure is not None and failure.container_id == current.id:
        return Kill(current, f"Container {name} failed {failure.probe} probe, will be restarted", failure.grace)
    return None


def _wanted(pod: Obj, container: Obj, latest: Container | None, restarting: Collection[str]) -> bool:
    """Whether a container that does not run should."""
    if latest is None or latest.state is not ContainerState.EXITED:
        return True
    if latest.id in restarting:
        return restart_policy(pod, container) != "Never"
    return restart_wanted(pod, container, latest.exit_code)


def restart_policy(pod: Obj, container: Obj) -> str:
    return str(container.get("restartPolicy") or pod["spec"].get("restartPolicy") or "Always")


def restart_wanted(pod: Obj, container: Obj, exit_code: int) -> bool:
    """Whether a container that exited with this code is started again. Init containers that succeeded are not asked."""
    for rule in container.get("restartPolicyRules") or ():
        codes = rule.get("exitCodes") or {}
        inside = exit_code in (codes.get("values") or ())
        if rule.get("action") == "Restart" and inside == (codes.get("operator") == "In"):
            return True
    policy = restart_policy(pod, container)
    return policy == "Always" or (policy == "OnFailure" and exit_code != 0)
