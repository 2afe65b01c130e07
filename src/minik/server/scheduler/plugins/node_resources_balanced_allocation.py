"""score: prefer nodes whose cpu and memory would be used to the same degree."""

from minik.server.scheduler.framework import MAX_SCORE, CycleState, Event
from minik.server.scheduler.node_info import NodeInfo, PodInfo


class NodeResourcesBalancedAllocation:
    name = "NodeResourcesBalancedAllocation"
    events: frozenset[Event] = frozenset()

    def score(self, state: CycleState, pod: PodInfo, node: NodeInfo) -> int:
        cpu = _used_share(node.allocatable.get("cpu", 0), node.requested.get("cpu", 0) + pod.requests.get("cpu", 0))
        memory = _used_share(
            node.allocatable.get("memory", 0), node.requested.get("memory", 0) + pod.requests.get("memory", 0)
        )
        return int((1 - abs(cpu - memory) / 2) * MAX_SCORE)


def _used_share(allocatable: int, requested: int) -> float:
    return min(1.0, requested / allocatable) if allocatable else 0.0
