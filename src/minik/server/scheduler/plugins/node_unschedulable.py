"""filter: a cordoned node takes only Pods that tolerate it."""

from minik.api.tolerations import tolerates
from minik.api.types import Obj
from minik.server.scheduler.events import Happening
from minik.server.scheduler.framework import Code, CycleState, Event, Refusal
from minik.server.scheduler.node_info import NodeInfo, PodInfo

_TAINT = {"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}
_REFUSAL = Refusal(("node(s) were unschedulable",), Code.UNRESOLVABLE)


class NodeUnschedulable:
    name = "NodeUnschedulable"
    is_local = True
    events = frozenset({Event.NODE_ADDED, Event.NODE_TAINTS, Event.POD_CHANGED})

    def filter(self, state: CycleState, pod: PodInfo, node: NodeInfo) -> Refusal | None:
        return _REFUSAL if node.node is not None and _keeps_away(pod, node.node) else None

    def hint(self, pod: PodInfo, what: Happening) -> bool:
        if what.event is Event.POD_CHANGED or what.new is None:
            return True
        return not _keeps_away(pod, what.new) and (what.old is None or _keeps_away(pod, what.old))


def _keeps_away(pod: PodInfo, node: Obj) -> bool:
    return bool(node["spec"].get("unschedulable")) and not tolerates(pod.spec.get("tolerations") or (), _TAINT)
