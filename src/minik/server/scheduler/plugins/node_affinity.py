"""filter and score: nodeSelector and node affinity, required and preferred."""

from collections.abc import Mapping

from minik.api.node_affinity import required_matches, term_matches
from minik.server.scheduler.framework import Code, CycleState, Event, Refusal, normalize_to_max
from minik.server.scheduler.node_info import NodeInfo, PodInfo

_REFUSAL = Refusal(("node(s) didn't match Pod's node affinity/selector",), Code.UNRESOLVABLE)


class NodeAffinity:
    name = "NodeAffinity"
    events = frozenset({Event.NODE_ADDED, Event.NODE_LABELS, Event.POD_CHANGED})

    def filter(self, state: CycleState, pod: PodInfo, node: NodeInfo) -> Refusal | None:
        if node.node is None:
            return _REFUSAL
        return None if required_matches(pod.spec, node.node) else _REFUSAL

    def score(self, state: CycleState, pod: PodInfo, node: NodeInfo) -> int:
        affinity = (pod.spec.get("affinity") or {}).get("nodeAffinity") or {}
        preferred = affinity.get("preferredDuringSchedulingIgnoredDuringExecution") or ()
        if node.node is None:
            return 0
        return sum(term["weight"] for term in preferred if term_matches(term["preference"], node.node))

    def normalize(self, state: CycleState, scores: Mapping[str, int]) -> dict[str, int]:
        return normalize_to_max(scores)
