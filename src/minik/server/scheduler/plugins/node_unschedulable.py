"""filter: a cordoned node takes only Pods that tolerate it."""

from minik.api.tolerations import tolerates
from minik.server.scheduler.framework import Code, CycleState, Event, Refusal
from minik.server.scheduler.node_info import NodeInfo, PodInfo

_TAINT = {"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}
_REFUSAL = Refusal(("node(s) were unschedulable",), Code.UNRESOLVABLE)


class NodeUnschedulable:
    name = "NodeUnschedulable"
    is_local = True
    events = frozenset({Event.NODE_ADDED, Event.NODE_TAINTS, Event.POD_CHANGED})

    def filter(self, state: CycleState, pod: PodInfo, node: NodeInfo) -> Refusal | None:
        if node.node is None or not node.node["spec"].get("unschedulable"):
            return None
        return None if tolerates(pod.spec.get("tolerations") or (), _TAINT) else _REFUSAL
