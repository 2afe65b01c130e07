"""filter and score: a node must have free what the Pod requests; the least allocated node scores best."""

from minik.server.scheduler.framework import MAX_SCORE, Code, CycleState, Event, Refusal
from minik.server.scheduler.handle import BACKED_BY_DEVICES
from minik.server.scheduler.node_info import NodeInfo, PodInfo


class NodeResourcesFit:
    """Strategy LeastAllocated over cpu and memory, weight 1 each (upstream's default)."""

    name = "NodeResourcesFit"
    events = frozenset({Event.NODE_ADDED, Event.NODE_ALLOCATABLE, Event.POD_GONE, Event.POD_CHANGED})

    def filter(self, state: CycleState, pod: PodInfo, node: NodeInfo) -> Refusal | None:
        reasons = []
        resolvable = True
        if len(node.pods) + 1 > node.allocatable.get("pods", 0):
            reasons.append("Too many pods")
        for resource, asked in pod.requests.items():
            if not asked:
                continue
            allocatable = node.allocatable.get(resource, 0)
            if not allocatable and resource in state.get(BACKED_BY_DEVICES, ()):
                continue
            if asked > allocatable - node.requested.get(resource, 0):
                reasons.append(f"Insufficient {resource}")
                resolvable = resolvable and asked <= allocatable
        if not reasons:
            return None
        return Refusal(tuple(reasons), Code.UNSCHEDULABLE if resolvable else Code.UNRESOLVABLE)

    def score(self, state: CycleState, pod: PodInfo, node: NodeInfo) -> int:
        cpu = _free_share(node.allocatable.get("cpu", 0), node.scoring_cpu + pod.scoring_cpu)
        memory = _free_share(node.allocatable.get("memory", 0), node.scoring_memory + pod.scoring_memory)
        return (cpu + memory) // 2


def _free_share(allocatable: int, requested: int) -> int:
    return (allocatable - requested) * MAX_SCORE // allocatable if 0 <= requested <= allocatable and allocatable else 0
