"""What impersonation counts, under upstream's metric names."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from minik.server.apiserver.series import Counter, Histogram

if TYPE_CHECKING:
    from prometheus_client.core import Metric

_LABELS = ("mode", "decision")
_BUCKETS = tuple(0.001 * 2**power for power in range(15))


class ImpersonationMetrics:
    """`mode`: legacy or the name of a constrained one, "" where none allowed it. `decision`: allowed or denied."""

    def __init__(self) -> None:
        name, by = "apiserver_impersonation_", "split by mode and decision."
        self._attempts = Counter(f"{name}attempts_total", f"Total number of impersonation attempts {by}", _LABELS)
        self._attempt_seconds = Histogram(
            f"{name}attempts_duration_seconds", f"Latency of impersonation attempts in seconds {by}", _LABELS, _BUCKETS
        )
        self._checks = Counter(
            f"{name}authorization_attempts_total",
            f"Total number of authorization checks made by the impersonation handler {by}",
            _LABELS,
        )
        self._check_seconds = Histogram(
            f"{name}authorization_attempts_duration_seconds",
            f"Latency of authorization checks made by the impersonation handler in seconds {by}",
            _LABELS,
            _BUCKETS,
        )

    def attempt(self, mode: str, decision: str, seconds: float) -> None:
        self._attempts.count((mode, decision))
        self._attempt_seconds.observe((mode, decision), seconds)

    def check(self, mode: str, decision: str, seconds: float) -> None:
        self._checks.count((mode, decision))
        self._check_seconds.observe((mode, decision), seconds)

    def collect(self) -> Iterator["Metric"]:
        for each in (self._attempts, self._attempt_seconds, self._checks, self._check_seconds):
            yield each.collect()
