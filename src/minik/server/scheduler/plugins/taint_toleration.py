"""filter and score: taints a Pod does not tolerate keep it away, PreferNoSchedule only weighs."""

from collections.abc import Mapping, Sequence

from minik.api.tolerations import tolerates, untolerated
from minik.api.types import Obj
from minik.server.scheduler.framework import Code, CycleState, Event, Refusal, normalize_to_max
from minik.server.scheduler.node_info import NodeInfo, PodInfo

_EFFECTS = ("NoSchedule", "NoExecute")


class TaintToleration:
    name = "TaintToleration"
    events = frozenset({Event.NODE_ADDED, Event.NODE_TAINTS, Event.POD_CHANGED})

    def filter(self, state: CycleState, pod: PodInfo, node: NodeInfo) -> Refusal | None:
        taint = untolerated(node.taints, pod.spec.get("tolerations") or (), _EFFECTS)
        if taint is None:
            return None
        reason = "node(s) had untolerated taint(s)"
        return Refusal((reason,), Code.UNRESOLVABLE)

    def score(self, state: CycleState, pod: PodInfo, node: NodeInfo) -> int:
        tolerations: Sequence[Obj] = [
            t for t in pod.spec.get("tolerations") or () if t.get("effect", "") in ("", "PreferNoSchedule")
        ]
        return sum(t.get("effect") == "PreferNoSchedule" and not tolerates(tolerations, t) for t in node.taints)

    def normalize(self, state: CycleState, scores: Mapping[str, int]) -> dict[str, int]:
        return normalize_to_max(scores, reverse=True)
