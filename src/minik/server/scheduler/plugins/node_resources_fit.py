"""filter and score: a node must have free what the Pod requests; how full it would be is what it scores by.

https://kubernetes.io/docs/concepts/scheduling-eviction/resource-bin-packing/
"""

from collections.abc import Callable, Mapping, Sequence

from minik.api.pod_resources import pod_requests
from minik.api.types import Obj
from minik.server.scheduler.events import Happening
from minik.server.scheduler.framework import MAX_SCORE, Code, CycleState, Event, Refusal
from minik.server.scheduler.handle import BACKED_BY_DEVICES
from minik.server.scheduler.node_info import NodeInfo, PodInfo, allocatable_of
from minik.server.scheduler.resizing import as_counted

Strategy = Callable[[int, int], int]  # (requested, allocatable) -> score of one resource

_SHAPE_FACTOR = MAX_SCORE // 10  # scores of a shape go to 10


class NodeResourcesFit:
    name = "NodeResourcesFit"
    is_local = True
    events = frozenset(
        {Event.NODE_ADDED, Event.NODE_ALLOCATABLE, Event.POD_GONE, Event.POD_SCALED_DOWN, Event.POD_CHANGED}
    )

    def __init__(self, arguments: Obj) -> None:
        self._ignored = frozenset(arguments.get("ignoredResources") or ())
        self._ignored_groups = frozenset(arguments.get("ignoredResourceGroups") or ())
        strategy = arguments["scoringStrategy"]
        self._weights: Mapping[str, int] = {each["name"]: each["weight"] for each in strategy["resources"]}
        shape = (strategy.get("requestedToCapacityRatio") or {}).get("shape") or ()
        self._is_shaped = strategy["type"] == "RequestedToCapacityRatio"
        self._strategy = by_shape(shape) if self._is_shaped else _STRATEGIES[strategy["type"]]

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
            if asked > allocatable - node.requested.get(resource, 0) and not self._is_ignored(resource):
                reasons.append(f"Insufficient {resource}")
                resolvable = resolvable and asked <= allocatable
        if not reasons:
            return None
        return Refusal(tuple(reasons), Code.UNSCHEDULABLE if resolvable else Code.UNRESOLVABLE)

    def hint(self, pod: PodInfo, what: Happening) -> bool:
        """A Pod that goes frees its place at least; a node must have enough when it is empty."""
        if what.event is Event.POD_SCALED_DOWN and what.old and what.new:
            before, after = pod_requests(as_counted(what.old)), pod_requests(as_counted(what.new))
            return any(after.get(name, 0) < before.get(name, 0) for name, asked in pod.requests.items() if asked)
        if what.event not in (Event.NODE_ADDED, Event.NODE_ALLOCATABLE):
            return True
        has, had = allocatable_of(what.new or {}), allocatable_of(what.old or {})
        wanted = {**{name: asked for name, asked in pod.requests.items() if asked}, "pods": 1}
        if any(asked > has.get(name, 0) for name, asked in wanted.items() if not self._is_excused(name, has)):
            return False
        return what.old is None or any(has.get(name, 0) > had.get(name, 0) for name in wanted)

    def _is_excused(self, resource: str, has: Mapping[str, int]) -> bool:
        """Devices may stand for an extended resource that a node has none of."""
        return self._is_ignored(resource) or ("/" in resource and not has.get(resource))

    def _is_ignored(self, resource: str) -> bool:
        """Only extended resources can be."""
        group, slash, _ = resource.partition("/")
        return bool(slash) and (resource in self._ignored or group in self._ignored_groups)

    def score(self, state: CycleState, pod: PodInfo, node: NodeInfo) -> int:
        total = weights = 0
        for resource, weight in self._weights.items():
            allocatable = node.allocatable.get(resource, 0)
            asked = pod.requests.get(resource, 0)
            if not allocatable or ("/" in resource and not asked):
                continue
            score = self._strategy(_requested(resource, pod, node), allocatable)
            if score or not self._is_shaped:
                total += score * weight
                weights += weight
        if not weights:
            return 0
        return round(total / weights) if self._is_shaped else total // weights


def _requested(resource: str, pod: PodInfo, node: NodeInfo) -> int:
    """With the Pod on the node. Containers that request no cpu or memory count for some."""
    if resource == "cpu":
        return node.scoring_cpu + pod.scoring_cpu
    if resource == "memory":
        return node.scoring_memory + pod.scoring_memory
    return node.requested.get(resource, 0) + pod.requests.get(resource, 0)


def _least(requested: int, allocatable: int) -> int:
    return (allocatable - requested) * MAX_SCORE // allocatable if requested <= allocatable else 0


def _most(requested: int, allocatable: int) -> int:
    return min(requested, allocatable) * MAX_SCORE // allocatable


_STRATEGIES: Mapping[str, Strategy] = {"LeastAllocated": _least, "MostAllocated": _most}


def by_shape(shape: Sequence[Obj]) -> Strategy:
    """Straight lines between the points of (utilization, score), level before the first and after the last."""
    points = [(point["utilization"], point["score"] * _SHAPE_FACTOR) for point in shape]

    def score(requested: int, allocatable: int) -> int:
        used = requested * MAX_SCORE // allocatable if requested <= allocatable else MAX_SCORE
        before = points[0]
        for point in points:
            if used <= point[0]:
                if point == before:
                    return int(point[1])
                rise = (point[1] - before[1]) * (used - before[0])
                return int(before[1] + int(rise / (point[0] - before[0])))
            before = point
        return int(before[1])

    return score
