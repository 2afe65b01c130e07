"""preEnqueue: a Pod with scheduling gates is not considered until all of them are gone (KEP-3521)."""

from minik.server.scheduler.framework import Event, Refusal
from minik.server.scheduler.node_info import PodInfo


class SchedulingGates:
    name = "SchedulingGates"
    events = frozenset({Event.POD_CHANGED})

    def pre_enqueue(self, pod: PodInfo) -> Refusal | None:
        gates = [gate["name"] for gate in pod.spec.get("schedulingGates") or ()]
        return Refusal((f"waiting for scheduling gates: [{' '.join(gates)}]",)) if gates else None
