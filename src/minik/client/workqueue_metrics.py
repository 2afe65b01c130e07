"""workqueue_*: what controllers and their queues have counted, under client-go's metric names.

https://kubernetes.io/docs/reference/instrumentation/metrics/
"""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from minik.client.controller import Controller
from minik.client.workqueue import BOUNDS, Durations

if TYPE_CHECKING:
    from prometheus_client.core import Metric


def collect(controllers: Iterable[object]) -> Iterator["Metric"]:
    """For prometheus_client; of those that are Controllers."""
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily

    labels = ("name",)
    depth = GaugeMetricFamily("workqueue_depth", "Current depth of workqueue", labels=labels)
    adds = CounterMetricFamily("workqueue_adds_total", "Total number of adds handled by workqueue", labels=labels)
    retries = CounterMetricFamily(
        "workqueue_retries_total", "Total number of retries handled by workqueue", labels=labels
    )
    waited = HistogramMetricFamily(
        "workqueue_queue_duration_seconds",
        "How long in seconds an item stays in workqueue before being requested.",
        labels=labels,
    )
    worked = HistogramMetricFamily(
        "workqueue_work_duration_seconds", "How long in seconds processing an item from workqueue takes.", labels=labels
    )
    unfinished = GaugeMetricFamily(
        "workqueue_unfinished_work_seconds",
        "How many seconds of work has done that is in progress and hasn't been observed by work_duration. Large values "
        "indicate stuck threads. One can deduce the number of stuck threads by observing the rate at which this "
        "increases.",
        labels=labels,
    )
    longest = GaugeMetricFamily(
        "workqueue_longest_running_processor_seconds",
        "How many seconds has the longest running processor for workqueue been running.",
        labels=labels,
    )
    failures = CounterMetricFamily(
        "controller_reconcile_errors_total", "Number of runs that failed and are tried again.", labels=labels
    )
    for each in controllers:
        if not isinstance(each, Controller):
            continue
        name, queue = (each.name,), each.queue
        depth.add_metric(name, len(queue))
        adds.add_metric(name, queue.adds)
        retries.add_metric(name, queue.retries_total)
        waited.add_metric(name, _cumulative(queue.waited), queue.waited.seconds)
        worked.add_metric(name, _cumulative(queue.worked), queue.worked.seconds)
        total, most = queue.unfinished()
        unfinished.add_metric(name, total)
        longest.add_metric(name, most)
        failures.add_metric(name, each.failed)
    yield from (depth, adds, retries, waited, worked, unfinished, longest, failures)


def _cumulative(durations: Durations) -> list[tuple[str, float]]:
    reached, out = 0, []
    for bound, count in zip([*map(str, BOUNDS), "+Inf"], durations.buckets, strict=True):
        reached += count
        out.append((bound, float(reached)))
    return out
