"""What the API server counts, under upstream's metric names.

https://kubernetes.io/docs/reference/instrumentation/metrics/
Counting is on the way of every request, so it is plain arithmetic; prometheus_client only writes it down when somebody
reads /metrics.
"""

import time
from bisect import bisect_left
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, NamedTuple

from minik.server.apiserver.request_info import RequestInfo

if TYPE_CHECKING:
    from prometheus_client.core import Metric

_BUCKETS = (0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 1.5, 2, 3, 5, 10, 15, 30, 60)
_LONG_RUNNING = frozenset({"exec", "attach", "portforward", "proxy", "log"})
_LABELS = ("verb", "group", "version", "resource", "subresource", "scope", "component")
_MOST_KINDS = 5000  # kinds of requests told apart; paths are the clients' to choose
_VERBS = {"create": "POST", "update": "PUT", "deletecollection": "DELETECOLLECTION"}


class _Kind(NamedTuple):
    labels: tuple[str, ...]
    code: int


class _Counts:
    """Requests of one kind. `buckets` are not cumulative; the last one is +Inf."""

    __slots__ = ("buckets", "count", "seconds", "streaming")

    def __init__(self, *, streaming: bool) -> None:
        self.count = 0
        self.seconds = 0.0
        self.buckets = [0] * (len(_BUCKETS) + 1)
        self.streaming = streaming


class RequestMetrics:
    """apiserver_request_total and apiserver_request_duration_seconds; a collector for prometheus_client."""

    def __init__(self) -> None:
        self._kinds: dict[_Kind, _Counts] = {}
        self._recent: dict[tuple[str, str, str, str, str, bool, int], _Counts] = {}

    def observe(self, info: RequestInfo, code: int, started: float) -> None:
        """Count a finished request; `started` is time.perf_counter()'s."""
        key = (info.verb, info.group, info.version, info.resource, info.subresource, bool(info.name), code)
        counts = self._recent.get(key)
        if counts is None:
            counts = self._start_counting(info, code)
            if len(self._recent) < _MOST_KINDS:
                self._recent[key] = counts
        counts.count += 1
        if not counts.streaming:
            seconds = time.perf_counter() - started
            counts.seconds += seconds
            counts.buckets[bisect_left(_BUCKETS, seconds)] += 1

    def _start_counting(self, info: RequestInfo, code: int) -> _Counts:
        verb = _VERBS.get(info.verb, info.verb.upper())
        scope = ("resource" if info.name else "namespace" if info.namespace else "cluster") if info.is_resource else ""
        labels = (verb, info.group, info.version, info.resource, info.subresource, scope, "apiserver")
        if len(self._kinds) >= _MOST_KINDS:
            labels = ("other", "", "", "", "", "", "apiserver")
        streaming = info.verb == "watch" or info.subresource in _LONG_RUNNING
        return self._kinds.setdefault(_Kind(labels, code), _Counts(streaming=streaming))

    def collect(self) -> Iterator["Metric"]:
        from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily

        total = CounterMetricFamily(
            "apiserver_request_total",
            "Counter of apiserver requests broken out for each verb, group, version, resource, scope and code.",
            labels=(*_LABELS, "code", "dry_run"),
        )
        duration = HistogramMetricFamily(
            "apiserver_request_duration_seconds",
            "Response latency distribution in seconds for each verb, group, version, resource and scope.",
            labels=_LABELS,
        )
        timed: dict[tuple[str, ...], _Counts] = {}
        for kind, counts in self._kinds.items():
            total.add_metric((*kind.labels, str(kind.code), ""), counts.count)
            if not counts.streaming:
                _add(timed.setdefault(kind.labels, _Counts(streaming=False)), counts)
        for labels, counts in timed.items():
            duration.add_metric(labels, _cumulative(counts), counts.seconds)
        yield total
        yield duration


def _add(to: _Counts, counts: _Counts) -> None:
    to.seconds += counts.seconds
    to.buckets = [a + b for a, b in zip(to.buckets, counts.buckets, strict=True)]


def _cumulative(counts: _Counts) -> list[tuple[str, float]]:
    bounds = [*map(str, map(float, _BUCKETS)), "+Inf"]
    total, out = 0, []
    for bound, count in zip(bounds, counts.buckets, strict=True):
        total += count
        out.append((bound, float(total)))
    return out


Collect = Callable[[], Iterator["Metric"]]


class Metrics:
    """Everything /metrics shows: what is counted here, and what others register."""

    def __init__(self) -> None:
        self.requests = RequestMetrics()
        self._collectors: list[Collect] = [self.requests.collect]

    def add(self, collect: Collect) -> None:
        """`collect` yields prometheus_client metric families when /metrics is read."""
        self._collectors.append(collect)

    def text(self) -> bytes:
        from prometheus_client import CollectorRegistry, PlatformCollector, ProcessCollector, generate_latest

        registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        PlatformCollector(registry=registry)
        for collect in self._collectors:
            registry.register(_Collector(collect))
        return generate_latest(registry)


class _Collector:
    """What prometheus_client wants a collector to look like."""

    def __init__(self, collect: Collect) -> None:
        self.collect = collect
