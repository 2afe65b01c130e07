"""What the scheduler counts, under kube-scheduler's metric names.

Counting is plain arithmetic; prometheus_client only writes it down when somebody reads /metrics.
https://kubernetes.io/docs/reference/instrumentation/metrics/
"""

import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from minik.server.scheduler.queue import ACTIVE, BACKOFF, GATED, IN_FLIGHT, UNSCHEDULABLE, QueuedPod, SchedulingQueue

if TYPE_CHECKING:
    from prometheus_client.core import Metric

SCHEDULED, ERROR = "scheduled", "error"
__all__ = ["ERROR", "SCHEDULED", "UNSCHEDULABLE", "Attempt", "SchedulerMetrics"]

Labels = tuple[str, ...]


def _exponential(start: float, factor: float, count: int) -> Sequence[float]:
    return [start * factor**power for power in range(count)]


class _Histogram:
    """Of one name, by labels. What is counted is not cumulative; the last bucket is +Inf."""

    def __init__(self, name: str, text: str, labels: Sequence[str], bounds: Sequence[float]) -> None:
        self._name, self._text, self._labels, self._bounds = name, text, labels, bounds
        self._counts: dict[Labels, list[int]] = {}
        self._sums: Counter[Labels] = Counter()

    def observe(self, labels: Labels, value: float) -> None:
        counts = self._counts.get(labels)
        if counts is None:
            counts = self._counts[labels] = [0] * (len(self._bounds) + 1)
            self._sums[labels] = 0
        counts[bisect_left(self._bounds, value)] += 1
        self._sums[labels] += value  # type: ignore[assignment]

    def family(self) -> "Metric":
        from prometheus_client.core import HistogramMetricFamily

        found = HistogramMetricFamily(f"scheduler_{self._name}", self._text, labels=self._labels)
        for labels, counts in self._counts.items():
            total, buckets = 0, []
            for bound, count in zip((*self._bounds, float("inf")), counts, strict=True):
                total += count
                buckets.append(("+Inf" if bound == float("inf") else str(bound), total))
            found.add_metric(labels, buckets, self._sums[labels])
        return found


class Attempt(NamedTuple):
    """One try to schedule a Pod. `started` is time.perf_counter()'s."""

    profile: str
    started: float


class SchedulerMetrics:
    """One for the life of the process."""

    def __init__(self) -> None:
        seconds, attempted = _exponential(0.001, 2, 15), ("result", "profile")
        self._started = 0.0
        self._attempts: Counter[Labels] = Counter()
        self._victims_sought = 0
        self._attempt_seconds = _Histogram(
            "scheduling_attempt_duration_seconds",
            "Scheduling attempt latency in seconds (scheduling algorithm + binding)",
            attempted,
            seconds,
        )
        self._algorithm_seconds = _Histogram(
            "scheduling_algorithm_duration_seconds", "Scheduling algorithm latency in seconds", (), seconds
        )
        self._sli_seconds = _Histogram(
            "pod_scheduling_sli_duration_seconds",
            "E2e latency for a pod being scheduled, from the time the pod enters the scheduling queue and might "
            "involve multiple scheduling attempts.",
            ("attempts",),
            _exponential(0.01, 2, 20),
        )
        self._pod_attempts = _Histogram(
            "pod_scheduling_attempts",
            "Number of attempts to successfully schedule a pod.",
            (),
            _exponential(1, 2, 5),
        )
        self._victims = _Histogram(
            "preemption_victims", "Number of selected preemption victims", (), _exponential(1, 2, 7)
        )
        self._points = _Histogram(
            "framework_extension_point_duration_seconds",
            "Latency for running all plugins of a specific extension point.",
            ("extension_point", "status", "profile"),
            _exponential(0.0001, 2, 12),
        )
        self._permit_waits = _Histogram(
            "permit_wait_duration_seconds", "Duration of waiting on permit.", ("result",), seconds
        )

    # -- counting

    def popped(self) -> None:
        """A cycle begins: there is one at a time."""
        self._started = time.perf_counter()

    def attempt(self, profile: str) -> Attempt:
        """The cycle that is under way."""
        return Attempt(profile, self._started)

    def decided(self, profile: str) -> Attempt:
        """The cycle that is under way has found a node."""
        self._algorithm_seconds.observe((), time.perf_counter() - self._started)
        return Attempt(profile, self._started)

    def finished(self, attempt: Attempt, result: str, queued: QueuedPod) -> None:
        now = time.perf_counter()
        self._attempts[result, attempt.profile] += 1
        self._attempt_seconds.observe((result, attempt.profile), now - attempt.started)
        if result == SCHEDULED:
            label = str(queued.attempts) if queued.attempts < 15 else "15+"
            self._pod_attempts.observe((), queued.attempts)
            self._sli_seconds.observe((label,), now - attempt.started + queued.waited)

    def preempting(self, victims: int) -> None:
        """`victims` 0: none were found."""
        self._victims_sought += 1
        if victims:
            self._victims.observe((), victims)

    @contextmanager
    def extension_point(self, point: str, profile: str) -> Iterator[None]:
        started, status = time.perf_counter(), "Error"
        try:
            yield
            status = "Success"
        finally:
            self._points.observe((point, status, profile), time.perf_counter() - started)

    @contextmanager
    def permit_wait(self) -> Iterator[None]:
        started = time.perf_counter()
        try:
            yield
        finally:
            self._permit_waits.observe(("Success",), time.perf_counter() - started)

    # -- telling

    def collect(self, queue: SchedulingQueue, sizes: Mapping[str, int], assumed: int) -> Iterable["Metric"]:
        """For prometheus_client. `sizes` of the cache; `assumed`: Pods whose binding is under way."""
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

        yield _counter(
            "schedule_attempts_total",
            "Number of attempts to schedule pods, by the result. 'unschedulable' means a pod could not be scheduled, "
            "while 'error' means an internal scheduler problem.",
            ("result", "profile"),
            self._attempts,
        )
        preemptions = CounterMetricFamily(
            "scheduler_preemption_attempts_total", "Total preemption attempts in the cluster till now"
        )
        preemptions.add_metric((), self._victims_sought)
        yield preemptions
        for histogram in (
            self._attempt_seconds,
            self._algorithm_seconds,
            self._sli_seconds,
            self._pod_attempts,
            self._victims,
            self._points,
            self._permit_waits,
        ):
            yield histogram.family()
        yield _counter(
            "queue_incoming_pods_total",
            "Number of pods added to scheduling queues by event and queue type.",
            ("queue", "event"),
            queue.incoming,
        )
        yield from _waiting(queue)
        cached = GaugeMetricFamily(
            "scheduler_cache_size",
            "Number of nodes, pods, and assumed (bound) pods in the scheduler cache.",
            labels=("type",),
        )
        for kind, size in {**sizes, "assumed_pods": assumed}.items():
            cached.add_metric((kind,), size)
        yield cached


def _waiting(queue: SchedulingQueue) -> Iterable["Metric"]:
    from prometheus_client.core import GaugeMetricFamily

    places: Counter[str] = Counter()
    refusers: Counter[Labels] = Counter()
    for queued in queue:
        places[queued.place] += 1
        if queued.place != IN_FLIGHT:
            refusers.update((plugin, queued.pod.spec["schedulerName"]) for plugin in queued.refused_by)
    pending = GaugeMetricFamily(
        "scheduler_pending_pods",
        "Number of pending pods, by the queue type. 'active' means number of pods in activeQ; 'backoff' means number "
        "of pods in backoffQ; 'unschedulable' means number of pods in unschedulablePods that the scheduler attempted "
        "to schedule and failed; 'gated' is the number of unschedulable pods that the scheduler never attempted to "
        "schedule because they are gated.",
        labels=("queue",),
    )
    for place in (ACTIVE, BACKOFF, GATED, UNSCHEDULABLE):
        pending.add_metric((place,), places[place])
    yield pending
    refused = GaugeMetricFamily(
        "scheduler_unschedulable_pods",
        "The number of unschedulable pods broken down by plugin name. A pod will increment the gauge for all plugins "
        "that caused it to not schedule and so this metric have meaning only when broken down by plugin.",
        labels=("plugin", "profile"),
    )
    for labels, count in refusers.items():
        refused.add_metric(labels, count)
    yield refused


def _counter(name: str, text: str, labels: Sequence[str], counts: Mapping[Any, int]) -> "Metric":
    from prometheus_client.core import CounterMetricFamily

    found = CounterMetricFamily(f"scheduler_{name}", text, labels=labels)
    for values, count in counts.items():
        found.add_metric(values, count)
    return found
