"""What the API server counts, under upstream's metric names.

https://kubernetes.io/docs/reference/instrumentation/metrics/
Counting is on the way of every request, so it is plain arithmetic; prometheus_client only writes it down when somebody
reads /metrics.
"""

import time
from bisect import bisect_left
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from minik.server.apiserver.request_info import RequestInfo

if TYPE_CHECKING:
    from prometheus_client.core import Metric

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_BUCKETS = (0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 1.25, 1.5, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 45, 60)
_SLI_FROM = 2  # where the buckets of service level indicators begin
_LONG_RUNNING = frozenset({"exec", "attach", "portforward", "proxy", "log"})
_SIZES = (1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9)  # bytes
_LABELS = ("verb", "group", "version", "resource", "subresource", "scope", "component")
_MOST_KINDS = 5000  # kinds of requests told apart; paths are the clients' to choose
_VERBS = {"create": "POST", "update": "PUT", "deletecollection": "DELETECOLLECTION"}


class _Kind(NamedTuple):
    labels: tuple[str, ...]
    code: int


class _Counts:
    """Requests of one kind. `buckets` are not cumulative; the last one is +Inf."""

    __slots__ = ("buckets", "count", "seconds", "sizes", "streaming", "total_size")

    def __init__(self, *, streaming: bool) -> None:
        self.count = 0
        self.total_size = 0
        self.sizes = [0] * (len(_SIZES) + 1)  # of answers that had a body
        self.seconds = 0.0
        self.buckets = [0] * (len(_BUCKETS) + 1)
        self.streaming = streaming


class RequestMetrics:
    """apiserver_request_total and apiserver_request_duration_seconds; a collector for prometheus_client."""

    def __init__(self) -> None:
        self._kinds: dict[_Kind, _Counts] = {}
        self._recent: dict[tuple[str, str, str, str, str, bool, int], _Counts] = {}

    def observe(self, info: RequestInfo, code: int, started: float, size: int = 0) -> None:
        """Count a finished request; `started` is time.perf_counter()'s, `size` of the answer's body in bytes."""
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
        if size:
            counts.total_size += size
            counts.sizes[bisect_left(_SIZES, size)] += 1

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
            labels=(*_LABELS, "dry_run"),
        )
        sli = HistogramMetricFamily(
            "apiserver_request_sli_duration_seconds",
            "Response latency distribution (not counting webhook duration and priority & fairness queue wait times) "
            "in seconds for each verb, group, version, resource, subresource, scope and component.",
            labels=_LABELS,
        )
        sizes = HistogramMetricFamily(
            "apiserver_response_sizes",
            "Response size distribution in bytes for each group, version, verb, resource, subresource, scope and "
            "component.",
            labels=_LABELS,
        )
        timed: dict[tuple[str, ...], _Counts] = {}
        for kind, counts in self._kinds.items():
            total.add_metric((*kind.labels, str(kind.code), ""), counts.count)
            if not counts.streaming:
                _add(timed.setdefault(kind.labels, _Counts(streaming=False)), counts)
        for labels, counts in timed.items():
            duration.add_metric((*labels, ""), _cumulative(_BUCKETS, counts.buckets), counts.seconds)
            sli.add_metric(labels, _cumulative(_BUCKETS, counts.buckets)[_SLI_FROM:], counts.seconds)
            if counts.total_size:
                sizes.add_metric(labels, _cumulative(_SIZES, counts.sizes), counts.total_size)
        yield from (total, duration, sli, sizes)


def _add(to: _Counts, counts: _Counts) -> None:
    to.seconds += counts.seconds
    to.buckets = [a + b for a, b in zip(to.buckets, counts.buckets, strict=True)]
    to.total_size += counts.total_size
    to.sizes = [a + b for a, b in zip(to.sizes, counts.sizes, strict=True)]


def _cumulative(limits: Sequence[float], buckets: Sequence[int]) -> list[tuple[str, float]]:
    bounds = [*map(str, map(float, limits)), "+Inf"]
    total, out = 0, []
    for bound, count in zip(bounds, buckets, strict=True):
        total += count
        out.append((bound, float(total)))
    return out


Collect = Callable[[], Iterator["Metric"]]


class Metrics:
    """Everything /metrics shows: what is counted here, and what others register."""

    def __init__(self) -> None:
        self.requests = RequestMetrics()
        self._collectors: list[Collect] = [self.requests.collect]
        self._preparations: list[Callable[[], Awaitable[None]]] = []

    def add(self, collect: Collect, prepare: Callable[[], Awaitable[None]] | None = None) -> None:
        """`collect` yields prometheus_client metric families when /metrics is read, after `prepare`."""
        self._collectors.append(collect)
        if prepare is not None:
            self._preparations.append(prepare)

    async def prepare(self) -> None:
        for each in self._preparations:
            await each()

    def text(self) -> bytes:
        return text_of(self._collectors, process=True)


def text_of(collectors: Sequence[Collect], *, process: bool = False) -> bytes:
    """`process`: with what is known of this process, too."""
    from prometheus_client import CollectorRegistry, PlatformCollector, ProcessCollector, generate_latest

    registry = CollectorRegistry()
    if process:
        ProcessCollector(registry=registry)
        PlatformCollector(registry=registry)
    for collect in collectors:
        registry.register(_Collector(collect))
    # counters whose names do not end in _total come as untyped: prometheus_client would rename them
    return generate_latest(registry).replace(b" untyped\n", b" counter\n")


class _Collector:
    """What prometheus_client wants a collector to look like."""

    def __init__(self, collect: Collect) -> None:
        self.collect = collect
