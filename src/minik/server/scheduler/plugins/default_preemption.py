"""postFilter: when nothing fits, find Pods of lower priority whose removal makes room, and the node that loses least.

Pure: names victims, removes nobody. Choice among nodes as upstream: lowest highest-victim priority, smallest sum of
victim priorities, fewest victims. https://kubernetes.io/docs/concepts/scheduling-eviction/pod-priority-preemption/
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from minik.server.scheduler.framework import Code, CycleState, Diagnosis, Event, Profile, Snapshot
from minik.server.scheduler.node_info import NodeInfo, PodInfo

_NOT_HELPFUL = "Preemption is not helpful for scheduling"
_NO_VICTIMS = "No preemption victims found for incoming pod"


@dataclass(frozen=True, slots=True)
class Preemption:
    """The verdict: `node` "" means nobody has to go. `message` ends the FailedScheduling text."""

    node: str = ""
    victims: Sequence[PodInfo] = ()
    message: str = ""


class DefaultPreemption:
    name = "DefaultPreemption"
    events: frozenset[Event] = frozenset({Event.POD_GONE})

    def post_filter(
        self, profile: Profile, state: CycleState, pod: PodInfo, snapshot: Snapshot, diagnosis: Diagnosis
    ) -> Preemption:
        if pod.spec.get("preemptionPolicy") == "Never":
            return Preemption(message=" preemption: not eligible due to preemptionPolicy=Never.")
        candidates: dict[str, list[PodInfo]] = {}
        tally: dict[str, int] = {}
        for name, refusal in diagnosis.refusals.items():
            victims = None
            if refusal.code is Code.UNSCHEDULABLE:
                victims = _victims(profile, state, pod, snapshot.nodes[name])
            if victims is None:
                reason = _NO_VICTIMS if refusal.code is Code.UNSCHEDULABLE else _NOT_HELPFUL
                tally[reason] = tally.get(reason, 0) + 1
            else:
                candidates[name] = victims
        if not candidates:
            listed = ", ".join(sorted(f"{number} {reason}" for reason, number in tally.items()))
            count = len(snapshot.nodes)
            return Preemption(message=f" preemption: 0/{count} nodes are available: {listed}." if tally else "")
        node = _cheapest(candidates)
        return Preemption(node, candidates[node])


def _victims(profile: Profile, state: CycleState, pod: PodInfo, node: NodeInfo) -> list[PodInfo] | None:
    """The fewest Pods that must go, keeping the important ones; None when even all would not help."""
    lower = [p for p in node.pods.values() if p.priority < pod.priority]
    if not lower:
        return None
    left = node.without(p.uid for p in lower)
    if profile.refusal(state, pod, left) is not None:
        return None
    victims = []
    for candidate in sorted(lower, key=lambda p: (-p.priority, p.obj["metadata"].get("creationTimestamp") or "")):
        left.add(candidate)
        if profile.refusal(state, pod, left) is not None:
            left.remove(candidate.uid)
            victims.append(candidate)
    return victims


def _cheapest(candidates: Mapping[str, Sequence[PodInfo]]) -> str:
    def cost(name: str) -> tuple[int, int, int]:
        priorities = [p.priority for p in candidates[name]]
        return max(priorities, default=-(2**31)), sum(priorities), len(priorities)

    return min(candidates, key=cost)
