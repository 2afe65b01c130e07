"""Who has to go so that a Pod fits: victims on one node, and the node where it costs least. Pure.

https://kubernetes.io/docs/concepts/scheduling-eviction/pod-priority-preemption/
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from minik.api import selectors
from minik.api.types import Obj
from minik.server.scheduler.node_info import NodeInfo, PodInfo

_LOWEST_PRIORITY = -(2**31)


@dataclass(frozen=True, slots=True)
class Victims:
    """The most important first. `violations`: how many of them a PodDisruptionBudget would rather keep."""

    pods: tuple[PodInfo, ...]
    violations: int = 0


@dataclass(frozen=True, slots=True)
class Preemption:
    """What a postFilter plugin has to say. `node` "": nobody has to go. `message` ends the FailedScheduling text.

    `candidates`: the nodes where it would do, for extenders that may object. `is_helped`: something else was done for
    the Pod, and the postFilter plugins that follow are spared.
    """

    node: str = ""
    victims: Sequence[PodInfo] = ()
    message: str = ""
    candidates: Mapping[str, Victims] = field(default_factory=dict)
    is_helped: bool = False


def select_victims(
    pod: PodInfo, node: NodeInfo, fits: Callable[[NodeInfo], bool], budgets: Collection[Obj]
) -> Victims | None:
    """The fewest Pods of lower priority that must go; None when all of them would not be enough, or there are none.

    Those that can stay are found in order of importance, Pods that a budget protects first.
    """
    lower = [other for other in node.pods.values() if other.priority < pod.priority]
    if not lower:
        return None
    left = node.without(other.uid for other in lower)
    if not fits(left):
        return None
    lower.sort(key=_importance)
    protected = violating(lower, budgets)
    gone: list[PodInfo] = []
    for candidate in sorted(lower, key=lambda other: other.uid not in protected):
        left.add(candidate)
        if not fits(left):
            left.remove(candidate.uid)
            gone.append(candidate)
    gone.sort(key=_importance)
    return Victims(tuple(gone), sum(other.uid in protected for other in gone))


def violating(pods: Sequence[PodInfo], budgets: Collection[Obj]) -> set[str]:
    """uids of the Pods whose eviction, one after the other, would exceed a PodDisruptionBudget."""
    allowed = {id(budget): (budget.get("status") or {}).get("disruptionsAllowed") or 0 for budget in budgets}
    found: set[str] = set()
    for pod in pods:
        for budget in _covering(pod, budgets):
            if pod.name in ((budget.get("status") or {}).get("disruptedPods") or {}):
                continue  # counted when its eviction was granted
            allowed[id(budget)] -= 1
            if allowed[id(budget)] < 0:
                found.add(pod.uid)
    return found


def _covering(pod: PodInfo, budgets: Iterable[Obj]) -> Iterable[Obj]:
    """An empty selector covers its whole namespace, Pods without labels included."""
    for budget in budgets:
        if budget["metadata"]["namespace"] != pod.namespace:
            continue
        if selectors.of_object(budget["spec"].get("selector")).matches(pod.labels):
            yield budget


def cheapest(candidates: Mapping[str, Victims]) -> str:
    """The node to preempt on.

    Fewest violations, then the lowest highest priority, the lowest sum of priorities, the fewest Pods, and the latest
    start of those of the highest priority; the first of equals.
    """

    def cost(name: str) -> tuple[int, int, int, int]:
        victims = candidates[name]
        if not victims.pods:
            return victims.violations, _LOWEST_PRIORITY, 0, 0
        priorities = [pod.priority - _LOWEST_PRIORITY for pod in victims.pods]
        return victims.violations, victims.pods[0].priority, sum(priorities), len(priorities)

    lowest = min(map(cost, candidates))
    equals = [name for name in candidates if cost(name) == lowest]
    return max(equals, key=lambda name: _earliest_start(candidates[name].pods))


def _earliest_start(pods: Sequence[PodInfo]) -> str:
    """When the first of the most important Pods started; RFC 3339 times compare as text."""
    return min((_started(pod) for pod in pods if pod.priority == pods[0].priority), default="")


def _started(pod: PodInfo) -> str:
    """A Pod that has not started counts as the newest."""
    return str((pod.obj.get("status") or {}).get("startTime") or "9999")


def _importance(pod: PodInfo) -> tuple[int, str]:
    return -pod.priority, _started(pod)


def sample_size(nodes: int, *, percentage: int, absolute: int) -> int:
    """How many candidates are enough."""
    return min(max(nodes * percentage // 100, absolute), nodes)
