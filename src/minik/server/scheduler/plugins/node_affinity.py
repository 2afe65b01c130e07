"""filter and score: nodeSelector and node affinity, required and preferred, and what a profile adds for all Pods."""

from collections.abc import Mapping, Sequence

from minik.api.node_affinity import node_selector_matches, required_matches, term_matches
from minik.api.types import Obj
from minik.server.scheduler.events import Happening
from minik.server.scheduler.framework import Code, CycleState, Event, Refusal, Snapshot, normalize_to_max, scored_key
from minik.server.scheduler.node_info import NodeInfo, PodInfo

_REQUIRED, _PREFERRED = (
    "requiredDuringSchedulingIgnoredDuringExecution",
    "preferredDuringSchedulingIgnoredDuringExecution",
)
_REFUSAL = Refusal(("node(s) didn't match Pod's node affinity/selector",), Code.UNRESOLVABLE)
_ENFORCED = Refusal(("node(s) didn't match scheduler-enforced node affinity",), Code.UNRESOLVABLE)


_SCORED = scored_key("NodeAffinity")


class NodeAffinity:
    name = "NodeAffinity"
    is_local = True
    events = frozenset({Event.NODE_ADDED, Event.NODE_LABELS, Event.POD_CHANGED})

    def __init__(self, arguments: Obj) -> None:
        self._added: Obj = arguments.get("addedAffinity") or {}

    def filter(self, state: CycleState, pod: PodInfo, node: NodeInfo) -> Refusal | None:
        return _REFUSAL if node.node is None else self._refusal(pod, node.node)

    def _refusal(self, pod: PodInfo, node: Obj) -> Refusal | None:
        enforced = self._added.get(_REQUIRED)
        if enforced is not None and not node_selector_matches(enforced, node):
            return _ENFORCED
        return None if required_matches(pod.spec, node) else _REFUSAL

    def hint(self, pod: PodInfo, what: Happening) -> bool:
        """The node matches now and did not before."""
        if what.event is Event.POD_CHANGED or what.new is None:
            return True
        return self._refusal(pod, what.new) is None and (what.old is None or self._refusal(pod, what.old) is not None)

    def pre_score(self, state: CycleState, pod: PodInfo, nodes: Sequence[NodeInfo], snapshot: Snapshot) -> None:
        """Leaves the preferred terms, if there are any."""
        affinity = (pod.spec.get("affinity") or {}).get("nodeAffinity") or {}
        preferred = (*(affinity.get(_PREFERRED) or ()), *(self._added.get(_PREFERRED) or ()))
        if preferred:
            state[_SCORED] = preferred

    def score(self, state: CycleState, pod: PodInfo, node: NodeInfo) -> int:
        if node.node is None:
            return 0
        return sum(term["weight"] for term in state[_SCORED] if term_matches(term["preference"], node.node))

    def normalize(self, state: CycleState, scores: Mapping[str, int]) -> dict[str, int]:
        return normalize_to_max(scores)
