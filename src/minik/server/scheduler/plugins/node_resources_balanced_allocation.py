"""score: prefer nodes whose resources would be used to the same degree."""

import math

from minik.api.types import Obj
from minik.server.scheduler.framework import MAX_SCORE, CycleState, Event
from minik.server.scheduler.node_info import NodeInfo, PodInfo


class NodeResourcesBalancedAllocation:
    name = "NodeResourcesBalancedAllocation"
    is_local = True
    events: frozenset[Event] = frozenset()

    def __init__(self, arguments: Obj) -> None:
        self._resources = [each["name"] for each in arguments["resources"]]

    def score(self, state: CycleState, pod: PodInfo, node: NodeInfo) -> int:
        """The standard deviation of the used shares, of what the Pod asks for, upside down."""
        shares = []
        for resource in self._resources:
            allocatable, asked = node.allocatable.get(resource, 0), pod.requests.get(resource, 0)
            if "/" not in resource or (allocatable and asked):
                shares.append(_used_share(allocatable, node.requested.get(resource, 0) + asked))
        if not shares:
            return 0
        if len(shares) == 2:
            return int((1 - abs(shares[0] - shares[1]) / 2) * MAX_SCORE)
        mean = sum(shares) / len(shares)
        deviation = math.sqrt(sum((share - mean) ** 2 for share in shares) / len(shares))
        return int((1 - deviation) * MAX_SCORE)


def _used_share(allocatable: int, requested: int) -> float:
    return min(1.0, requested / allocatable) if allocatable else 0.0
