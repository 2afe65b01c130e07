"""rest_client_requests_total: what clients in this process have asked API servers, under client-go's name."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from prometheus_client.core import Metric

_Key = tuple[str, str, str]  # code, host, method


class RequestCounts:
    """Requests by how they were answered; "<error>" stands for no answer at all, as in client-go."""

    def __init__(self) -> None:
        self._counts: dict[_Key, int] = {}

    def add(self, code: str, host: str, method: str) -> None:
        key = (code, host, method)
        self._counts[key] = self._counts.get(key, 0) + 1

    def collect(self) -> Iterator["Metric"]:
        from prometheus_client.core import CounterMetricFamily

        total = CounterMetricFamily(
            "rest_client_requests_total",
            "Number of HTTP requests, partitioned by status code, method, and host.",
            labels=("code", "host", "method"),
        )
        for key, count in self._counts.items():
            total.add_metric(key, count)
        yield total


COUNTS = RequestCounts()
"""Of this process, as client-go's: clients come and go."""
