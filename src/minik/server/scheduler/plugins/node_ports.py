"""filter: two Pods cannot hold the same host port of one node."""

from collections.abc import Collection, Iterable

from minik.server.scheduler.events import Happening
from minik.server.scheduler.framework import CycleState, Event, Refusal
from minik.server.scheduler.node_info import NodeInfo, PodInfo, Port, host_ports

_ANY = "0.0.0.0"
_REFUSAL = Refusal(("node(s) didn't have free ports for the requested pod ports",))


class NodePorts:
    name = "NodePorts"
    is_local = True
    events = frozenset({Event.NODE_ADDED, Event.POD_GONE, Event.POD_CHANGED})

    def filter(self, state: CycleState, pod: PodInfo, node: NodeInfo) -> Refusal | None:
        return _REFUSAL if pod.ports and _overlap(pod.ports, node.ports) else None

    def hint(self, pod: PodInfo, what: Happening) -> bool:
        """A Pod that goes must have held one of the ports."""
        return what.event is not Event.POD_GONE or _overlap(pod.ports, [*host_ports(what.obj["spec"])])


def _overlap(wanted: Iterable[Port], held: Collection[Port]) -> bool:
    return any(
        (port, protocol) == (held_port, held_protocol) and (_ANY in (address, held_address) or address == held_address)
        for address, protocol, port in wanted
        for held_address, held_protocol, held_port in held
    )
