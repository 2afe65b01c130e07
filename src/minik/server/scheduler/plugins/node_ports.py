"""filter: two Pods cannot hold the same host port of one node."""

from minik.server.scheduler.framework import CycleState, Event, Refusal
from minik.server.scheduler.node_info import NodeInfo, PodInfo

_ANY = "0.0.0.0"
_REFUSAL = Refusal(("node(s) didn't have free ports for the requested pod ports",))


class NodePorts:
    name = "NodePorts"
    is_local = True
    events = frozenset({Event.NODE_ADDED, Event.POD_GONE, Event.POD_CHANGED})

    def filter(self, state: CycleState, pod: PodInfo, node: NodeInfo) -> Refusal | None:
        for address, protocol, port in pod.ports:
            for held_address, held_protocol, held in node.ports:
                overlap = _ANY in (address, held_address) or address == held_address
                if port == held and protocol == held_protocol and overlap:
                    return _REFUSAL
        return None
