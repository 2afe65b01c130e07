"""filter and score: taints a Pod does not tolerate keep it away, PreferNoSchedule only weighs."""

from collections.abc import Mapping, Sequence

from minik.api.tolerations import tolerates, untolerated
from minik.api.types import Obj
from minik.server.scheduler.events import Happening
from minik.server.scheduler.framework import Code, CycleState, Event, Refusal, Snapshot, normalize_to_max, scored_key
from minik.server.scheduler.node_info import NodeInfo, PodInfo

_EFFECTS = ("NoSchedule", "NoExecute")


_SCORED = scored_key("TaintToleration")


class TaintToleration:
    name = "TaintToleration"
    is_local = True
    events = frozenset({Event.NODE_ADDED, Event.NODE_TAINTS, Event.POD_CHANGED})

    def filter(self, state: CycleState, pod: PodInfo, node: NodeInfo) -> Refusal | None:
        taint = untolerated(node.taints, pod.spec.get("tolerations") or (), _EFFECTS)
        if taint is None:
            return None
        reason = "node(s) had untolerated taint(s)"
        return Refusal((reason,), Code.UNRESOLVABLE)

    def hint(self, pod: PodInfo, what: Happening) -> bool:
        """The node's taints are tolerated now and were not before."""
        if what.event is Event.POD_CHANGED or what.new is None:
            return True
        return _is_tolerated(pod, what.new) and (what.old is None or not _is_tolerated(pod, what.old))

    def pre_score(self, state: CycleState, pod: PodInfo, nodes: Sequence[NodeInfo], snapshot: Snapshot) -> None:
        """Leaves the tolerations that count, if a node has such taints at all."""
        if any(taint.get("effect") == "PreferNoSchedule" for node in nodes for taint in node.taints):
            given = pod.spec.get("tolerations") or ()
            state[_SCORED] = [one for one in given if one.get("effect", "") in ("", "PreferNoSchedule")]

    def score(self, state: CycleState, pod: PodInfo, node: NodeInfo) -> int:
        tolerations: Sequence[Obj] = state[_SCORED]
        return sum(t.get("effect") == "PreferNoSchedule" and not tolerates(tolerations, t) for t in node.taints)

    def normalize(self, state: CycleState, scores: Mapping[str, int]) -> dict[str, int]:
        return normalize_to_max(scores, reverse=True)


def _is_tolerated(pod: PodInfo, node: Obj) -> bool:
    return untolerated(node["spec"].get("taints") or (), pod.spec.get("tolerations") or (), _EFFECTS) is None
