"""queueSort: higher priority first, then who has waited longest."""

from minik.server.scheduler.framework import Event
from minik.server.scheduler.node_info import PodInfo


class PrioritySort:
    name = "PrioritySort"
    events: frozenset[Event] = frozenset()

    def sort_key(self, pod: PodInfo, queued_at: float) -> tuple[int, float]:
        return -pod.priority, queued_at
