"""filter: a Pod that names its node goes nowhere else."""

from minik.server.scheduler.events import Happening
from minik.server.scheduler.framework import Code, CycleState, Event, Refusal
from minik.server.scheduler.node_info import NodeInfo, PodInfo

_REFUSAL = Refusal(("node(s) didn't match the requested node name",), Code.UNRESOLVABLE)


class NodeName:
    name = "NodeName"
    is_local = True
    events = frozenset({Event.NODE_ADDED})

    def filter(self, state: CycleState, pod: PodInfo, node: NodeInfo) -> Refusal | None:
        wanted = pod.spec.get("nodeName")
        return _REFUSAL if wanted and wanted != node.name else None

    def hint(self, pod: PodInfo, what: Happening) -> bool:
        return bool(what.obj["metadata"]["name"] == pod.spec.get("nodeName"))
