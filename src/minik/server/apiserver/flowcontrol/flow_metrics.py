"""apiserver_flowcontrol_*, written down for prometheus_client when somebody reads /metrics.

https://kubernetes.io/docs/concepts/cluster-administration/flow-control/#metrics
"""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from minik.server.apiserver.flowcontrol.flow import WAIT_BUCKETS, Counts
from minik.server.apiserver.flowcontrol.level import Level

if TYPE_CHECKING:
    from prometheus_client.core import Metric

_PREFIX = "apiserver_flowcontrol_"
_LABELS = ("priority_level", "flow_schema")


def collect(counts: Mapping[tuple[str, str], Counts], levels: Mapping[str, Level]) -> Iterator["Metric"]:
    """`counts` by (FlowSchema, priority level)."""
    yield from _of_schemas(counts)
    yield from _of_levels(levels)


def _of_schemas(counts: Mapping[tuple[str, str], Counts]) -> Iterator["Metric"]:
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily

    dispatched = CounterMetricFamily(
        f"{_PREFIX}dispatched_requests_total",
        "Number of requests executed by API Priority and Fairness subsystem",
        labels=_LABELS,
    )
    rejected = CounterMetricFamily(
        f"{_PREFIX}rejected_requests_total",
        "Number of requests rejected by API Priority and Fairness subsystem",
        labels=(*_LABELS, "reason"),
    )
    waited = HistogramMetricFamily(
        f"{_PREFIX}request_wait_duration_seconds",
        "Length of time a request spent waiting in its queue",
        labels=(*_LABELS, "execute"),
    )
    executing = GaugeMetricFamily(
        f"{_PREFIX}current_executing_requests", "Number of requests in initial execution stage", labels=_LABELS
    )
    seats = GaugeMetricFamily(
        f"{_PREFIX}current_executing_seats",
        "Concurrency (number of seats) occupied by executing requests",
        labels=_LABELS,
    )
    queued = GaugeMetricFamily(
        f"{_PREFIX}current_inqueue_requests", "Number of requests currently pending in queues", labels=_LABELS
    )
    for (schema, level), each in counts.items():
        labels = (level, schema)
        dispatched.add_metric(labels, each.dispatched)
        for reason, count in each.rejected.items():
            rejected.add_metric((*labels, reason), count)
        waited.add_metric((*labels, "true"), _wait_buckets(each), each.waited)
        executing.add_metric(labels, each.executing)
        seats.add_metric(labels, each.seats)
        queued.add_metric(labels, each.queued)
    yield from (dispatched, rejected, waited, executing, seats, queued)
    inflight = GaugeMetricFamily(
        "apiserver_current_inflight_requests",
        "Number of currently used inflight request limit of this apiserver per request kind.",
        labels=("request_kind",),
    )
    writing = sum(each.writing for each in counts.values())
    inflight.add_metric(("mutating",), writing)
    inflight.add_metric(("readOnly",), sum(each.executing for each in counts.values()) - writing)
    yield inflight


def _wait_buckets(counts: Counts) -> list[tuple[str, float]]:
    """Those who had not to wait are in the first one."""
    total = counts.dispatched - sum(counts.waits)
    out = []
    for bound, count in zip([*map(str, WAIT_BUCKETS), "+Inf"], counts.waits, strict=True):
        total += count
        out.append((bound, float(total)))
    return out


def _of_levels(levels: Mapping[str, Level]) -> Iterator["Metric"]:
    from prometheus_client.core import GaugeMetricFamily

    def upper(level: Level) -> int:
        others = sum(each.lendable for each in levels.values() if each is not level)
        return level.seats + (others if level.borrowable is None else min(others, level.borrowable))

    def current(level: Level) -> int:
        return max(level.seats, min(level.running, upper(level)))

    for name, words, value in (
        ("current_inqueue_seats", "Number of seats currently pending in queues", lambda level: level.waiting_seats),
        ("nominal_limit_seats", "Nominal number of execution seats configured", lambda level: level.seats),
        ("lower_limit_seats", "Configured lower bound on number of seats", lambda level: level.seats - level.lendable),
        ("upper_limit_seats", "Configured upper bound on number of seats", upper),
        ("current_limit_seats", "Current derived number of execution seats available", current),
        ("demand_seats", "Seats wanted at the moment", lambda level: level.running + level.waiting_seats),
    ):
        gauge = GaugeMetricFamily(_PREFIX + name, words, labels=("priority_level",))
        for level in levels.values():
            gauge.add_metric((level.name,), value(level))
        yield gauge
