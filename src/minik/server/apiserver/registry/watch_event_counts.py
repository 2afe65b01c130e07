"""apiserver_watch_events_total and apiserver_watch_events_sizes: what watchers have been sent.

Thousands of watchers share one chunk of encoded events, so a chunk is counted once with their number; the events in it
count with its average size.
"""

from bisect import bisect_left
from collections.abc import Iterator
from typing import TYPE_CHECKING

from minik.api.types import GVR

if TYPE_CHECKING:
    from prometheus_client.core import Metric

_SIZES = tuple(1024 << power for power in range(8))  # bytes


class Sent:
    """What watchers of one resource have been sent."""

    __slots__ = ("buckets", "events", "size")

    def __init__(self) -> None:
        self.events = 0
        self.size = 0
        self.buckets = [0] * (len(_SIZES) + 1)

    def add(self, events: int, size: int, watchers: int = 1) -> None:
        """A chunk of `size` bytes with some events has gone to some watchers."""
        if events:
            sent = events * watchers
            self.events += sent
            self.size += size * watchers
            self.buckets[bisect_left(_SIZES, size // events)] += sent


class WatchEventCounts:
    """By resource."""

    def __init__(self) -> None:
        self._sent: dict[GVR, Sent] = {}

    def of(self, resource: GVR) -> Sent:
        found = self._sent.get(resource)
        if found is None:
            found = self._sent[resource] = Sent()
        return found

    def collect(self) -> Iterator["Metric"]:
        from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily

        labels = ("group", "resource", "version")
        total = CounterMetricFamily(
            "apiserver_watch_events_total", "Number of events sent in watch clients", labels=labels
        )
        sizes = HistogramMetricFamily(
            "apiserver_watch_events_sizes", "Watch event size distribution in bytes", labels=labels
        )
        bounds = [*(str(float(size)) for size in _SIZES), "+Inf"]
        for gvr, sent in self._sent.items():
            key = (gvr.group, gvr.resource, gvr.version)
            total.add_metric(key, sent.events)
            reached, buckets = 0, []
            for bound, count in zip(bounds, sent.buckets, strict=True):
                reached += count
                buckets.append((bound, float(reached)))
            sizes.add_metric(key, buckets, sent.size)
        yield total
        yield sizes
