"""Counters and histograms of single controllers, under upstream's names.

A controller lists its own in `measures`; /metrics asks for them when somebody asks for it.
https://kubernetes.io/docs/reference/instrumentation/metrics/
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from prometheus_client.core import Metric


def doubling(first: float, count: int) -> tuple[float, ...]:
    """Upper bounds of a histogram's buckets."""
    return tuple(first * 2**step for step in range(count))


class Tally:
    """A counter. `name` is without `_total`."""

    def __init__(self, name: str, text: str, *labels: str) -> None:
        self._name, self._text, self._labels = name, text, labels
        self._counts: Counter[tuple[str, ...]] = Counter()

    def add(self, *labels: str, by: int = 1) -> None:
        if by > 0:
            self._counts[labels] += by

    def collect(self) -> "Metric":
        from prometheus_client.core import CounterMetricFamily

        found = CounterMetricFamily(self._name, self._text, labels=self._labels)
        for labels, count in self._counts.items():
            found.add_metric(labels, count)
        return found


class Spread:
    """A histogram of seconds."""

    def __init__(self, name: str, text: str, bounds: Sequence[float], *labels: str) -> None:
        self._name, self._text, self._bounds, self._labels = name, text, bounds, labels
        self._buckets: dict[tuple[str, ...], list[int]] = {}
        self._sums: dict[tuple[str, ...], float] = {}

    def add(self, seconds: float, *labels: str) -> None:
        buckets = self._buckets.setdefault(labels, [0] * (len(self._bounds) + 1))
        buckets[bisect_left(self._bounds, seconds)] += 1
        self._sums[labels] = self._sums.get(labels, 0.0) + seconds

    def collect(self) -> "Metric":
        from prometheus_client.core import HistogramMetricFamily

        found = HistogramMetricFamily(self._name, self._text, labels=self._labels)
        for labels, buckets in self._buckets.items():
            total, shown = 0, []
            for bound, count in zip((*map(str, self._bounds), "+Inf"), buckets, strict=True):
                total += count
                shown.append((bound, total))
            found.add_metric(labels, shown, self._sums[labels])
        return found


Measure = Tally | Spread
