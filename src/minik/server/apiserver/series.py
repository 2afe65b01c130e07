"""Series of counts and durations by labels, kept as plain numbers until somebody reads /metrics."""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from prometheus_client.core import Metric

_Labels = tuple[str, ...]


class Histogram:
    """Durations by labels. A series is [sum, count of each bucket..., count above the last]."""

    def __init__(self, name: str, text: str, labels: Sequence[str], bounds: Sequence[float]) -> None:
        self._name, self._text, self._labels, self._bounds = name, text, labels, bounds
        self._series: dict[_Labels, list[float]] = {}

    def observe(self, labels: _Labels, seconds: float) -> None:
        series = self._series.get(labels)
        if series is None:
            series = self._series[labels] = [0.0] * (len(self._bounds) + 2)
        series[0] += seconds
        series[1 + bisect_left(self._bounds, seconds)] += 1

    def totals(self) -> Iterator[tuple[_Labels, float, int]]:
        """(labels, sum, count) of each series."""
        for labels, (total, *counts) in self._series.items():
            yield labels, total, int(sum(counts))

    def collect(self) -> "Metric":
        from prometheus_client.core import HistogramMetricFamily

        family = HistogramMetricFamily(self._name, self._text, labels=self._labels)
        bounds = [*map(str, self._bounds), "+Inf"]
        for labels, (total, *counts) in self._series.items():
            cumulative = [sum(counts[: index + 1]) for index in range(len(counts))]
            family.add_metric(labels, list(zip(bounds, cumulative, strict=True)), total)
        return family


class Counter:
    """Counts by labels."""

    def __init__(self, name: str, text: str, labels: Sequence[str]) -> None:
        self._name, self._text, self._labels = name, text, labels
        self._series: dict[_Labels, int] = {}

    def count(self, labels: _Labels) -> None:
        self._series[labels] = self._series.get(labels, 0) + 1

    def collect(self) -> "Metric":
        """Untyped when upstream's name does not end in _total; /metrics calls that a counter."""
        from prometheus_client.core import CounterMetricFamily, UnknownMetricFamily

        family: CounterMetricFamily | UnknownMetricFamily
        if self._name.endswith("_total"):
            family = CounterMetricFamily(self._name, self._text, labels=self._labels)
        else:
            family = UnknownMetricFamily(self._name, self._text, labels=self._labels)
        for labels, count in self._series.items():
            family.add_metric(labels, count)
        return family
