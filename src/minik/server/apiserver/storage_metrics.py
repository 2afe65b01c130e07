"""What the store holds and how long writing takes: apiserver_storage_*, apiserver_resource_objects, etcd_request*.

Reads come from memory, as upstream's come from its watch cache, so only writes count as requests to the store.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from minik.server.apiserver.registry.registry import Registry
from minik.server.apiserver.registry.storage import WRITE_BUCKETS

if TYPE_CHECKING:
    from prometheus_client.core import Metric


class StorageMetrics:
    """`prepare` before `collect`, since only the store's engine knows its size."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._size = 0

    async def prepare(self) -> None:
        self._size = (await self._registry.storage.store.status()).size

    def collect(self) -> Iterator["Metric"]:
        from prometheus_client.core import GaugeMetricFamily

        size = GaugeMetricFamily(
            "apiserver_storage_size_bytes",
            "Size of the storage database file physically allocated in bytes.",
            labels=("storage_cluster_id",),
        )
        size.add_metric(("etcd-0",), self._size)
        yield size
        yield from self._objects()
        yield from self._watches()
        yield from self._writes()

    def _objects(self) -> Iterator["Metric"]:
        from prometheus_client.core import GaugeMetricFamily

        old = GaugeMetricFamily(
            "apiserver_storage_objects",
            "Number of stored objects at the time of last check split by kind.",
            labels=("resource",),
        )
        objects = GaugeMetricFamily(
            "apiserver_resource_objects",
            "Number of stored objects at the time of last check split by kind.",
            labels=("group", "resource"),
        )
        seen = set()
        for resource in self._registry.scheme:
            stored = resource.storage or resource.gvr
            if not resource.stored or (stored.group, stored.resource) in seen:
                continue
            seen.add((stored.group, stored.resource))
            count = self._registry.object_count(*resource.gvr)
            old.add_metric((f"{stored.resource}.{stored.group}" if stored.group else stored.resource,), count)
            objects.add_metric((stored.group, stored.resource), count)
        yield old
        yield objects

    def _watches(self) -> Iterator["Metric"]:
        from prometheus_client.core import GaugeMetricFamily

        labels = ("verb", "group", "version", "resource", "subresource", "scope", "component")
        running = GaugeMetricFamily(
            "apiserver_longrunning_requests",
            "Gauge of all active long-running apiserver requests broken out by verb, group, version and resource.",
            labels=labels,
        )
        for gvr, count in self._registry.watch_counts.items():
            running.add_metric(("WATCH", gvr.group, gvr.version, gvr.resource, "", "cluster", "apiserver"), count)
        yield running

    def _writes(self) -> Iterator["Metric"]:
        from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily

        labels = ("operation", "group", "resource")
        total = CounterMetricFamily("etcd_requests_total", "Requests to the store split by operation.", labels=labels)
        duration = HistogramMetricFamily(
            "etcd_request_duration_seconds", "Latency of requests to the store split by operation.", labels=labels
        )
        bounds = [*map(str, WRITE_BUCKETS), "+Inf"]
        for key, written in self._registry.storage.written.items():
            reached, buckets = 0, []
            for bound, count in zip(bounds, written.buckets, strict=True):
                reached += count
                buckets.append((bound, float(reached)))
            total.add_metric(key, reached)
            duration.add_metric(key, buckets, written.seconds)
        yield total
        yield duration
