"""The kubelet's own check before it runs a Pod (pure): what the scheduler would never have sent here is refused.

Reasons and texts are those of upstream's predicate admit handler.
"""

from collections.abc import Iterable, Mapping, Sequence

from minik.agent.kubelet.quantities import all_containers
from minik.agent.kubelet.security import forbidden_sysctl
from minik.api.node_affinity import required_matches
from minik.api.pod_resources import amounts, pod_requests
from minik.api.tolerations import untolerated
from minik.api.types import Obj

_REJECTED = "Pod was rejected: "


def check(
    pod: Obj, node: Obj, others: Sequence[Obj], *, allocatable: Mapping[str, str], allowed_sysctls: Sequence[str] = ()
) -> tuple[str, str] | None:
    """(reason, message) of the refusal; None when the Pod may run. `others` are the Pods that run here."""
    if node and not required_matches(pod["spec"], node):
        text = "Predicate NodeAffinity failed: node(s) didn't match Pod's node affinity/selector"
        return "NodeAffinity", _REJECTED + text
    taint = untolerated(
        (node.get("spec") or {}).get("taints") or (), pod["spec"].get("tolerations") or (), ("NoExecute",)
    )
    if taint is not None:
        text = "Predicate TaintToleration failed: node(s) had taints that the pod didn't tolerate"
        return "TaintToleration", _REJECTED + text
    taken = {port for other in others for port in host_ports(other)}
    if any(_clashes(port, taken) for port in host_ports(pod)):
        text = "Predicate NodePorts failed: node(s) didn't have free ports for the requested pod ports"
        return "NodePorts", _REJECTED + text
    sysctl = forbidden_sysctl(pod, tuple(allowed_sysctls))
    if sysctl:
        return "SysctlForbidden", f'{_REJECTED}forbidden sysctl: "{sysctl}" not allowlisted'
    return _resources(pod, others, amounts(allocatable))


def resize_refusal(pod: Obj, others: Sequence[Obj], allocatable: Mapping[str, str]) -> tuple[str, str] | None:
    """(reason, message) why a running Pod cannot have what it now asks for: never on this node, or not yet."""
    wanted, capacity = pod_requests(pod), amounts(allocatable)
    for name in ("memory", "cpu"):
        if wanted.get(name, 0) > capacity.get(name, 0):
            amounts_text = f"requested: {wanted[name]}, capacity: {capacity.get(name, 0)}"
            return "Infeasible", f"Node didn't have enough capacity: {name}, {amounts_text}"
    refusal = _resources(pod, others, capacity)
    return refusal and ("Deferred", refusal[1].removeprefix(_REJECTED))


def _resources(pod: Obj, others: Sequence[Obj], capacity: Mapping[str, int]) -> tuple[str, str] | None:
    if len(others) + 1 > capacity.get("pods", 0):
        return "OutOfpods", _lacking("pods", 1, len(others), capacity.get("pods", 0))
    used: dict[str, int] = {}
    for other in others:
        for name, amount in pod_requests(other).items():
            used[name] = used.get(name, 0) + amount
    for name, wanted in pod_requests(pod).items():
        if wanted and name in capacity and used.get(name, 0) + wanted > capacity[name]:
            return f"OutOf{name}", _lacking(name, wanted, used.get(name, 0), capacity[name])
    return None


def _lacking(name: str, requested: int, used: int, capacity: int) -> str:
    return (
        f"{_REJECTED}Node didn't have enough resource: {name}, requested: {requested}, used: {used}, "
        f"capacity: {capacity}"
    )


def host_ports(pod: Obj) -> Iterable[tuple[str, str, int]]:
    """(host address, protocol, port) of every host port."""
    for container in all_containers(pod):
        for port in container.get("ports") or ():
            if port.get("hostPort"):
                yield port.get("hostIP") or "0.0.0.0", port.get("protocol") or "TCP", port["hostPort"]


def _clashes(port: tuple[str, str, int], taken: Iterable[tuple[str, str, int]]) -> bool:
    address, protocol, number = port
    return any(
        protocol == other[1] and number == other[2] and (address == other[0] or "0.0.0.0" in (address, other[0]))
        for other in taken
    )
