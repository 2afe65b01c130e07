"""workqueue_*: what controllers and their queues have counted, under client-go's metric names.

https://kubernetes.io/docs/reference/instrumentation/metrics/
"""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from minik.client.controller import Controller

if TYPE_CHECKING:
    from prometheus_client.core import Metric


def collect(controllers: Iterable[object]) -> Iterator["Metric"]:
    """For prometheus_client; of those that are Controllers."""
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, SummaryMetricFamily

    labels = ("name",)
    depth = GaugeMetricFamily("workqueue_depth", "Current depth of workqueue", labels=labels)
    adds = CounterMetricFamily("workqueue_adds_total", "Total number of adds handled by workqueue", labels=labels)
    retries = CounterMetricFamily(
        "workqueue_retries_total", "Total number of retries handled by workqueue", labels=labels
    )
    work = SummaryMetricFamily(
        "workqueue_work_duration_seconds", "How long in seconds processing an item from workqueue takes.", labels=labels
    )
    failures = CounterMetricFamily(
        "controller_reconcile_errors_total", "Number of runs that failed and are tried again.", labels=labels
    )
    for each in controllers:
        if not isinstance(each, Controller):
            continue
        name = (each.name,)
        depth.add_metric(name, len(each.queue))
        adds.add_metric(name, each.queue.adds)
        retries.add_metric(name, each.queue.retries_total)
        work.add_metric(name, each.reconciled, each.busy_seconds)
        failures.add_metric(name, each.failed)
    yield from (depth, adds, retries, work, failures)
