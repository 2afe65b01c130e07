"""What admission counts, under upstream's metric names.

Every write passes here, so counting is plain arithmetic; prometheus_client only writes it down when /metrics is read.
https://kubernetes.io/docs/reference/instrumentation/metrics/
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from minik.server.apiserver.admission.policy_metrics import PolicyMetrics
from minik.server.apiserver.series import Counter, Histogram

if TYPE_CHECKING:
    from prometheus_client.core import Metric

ADMIT, VALIDATE = "admit", "validating"
_STEP_BUCKETS = (0.005, 0.025, 0.1, 0.5, 1.0, 2.5)
_WEBHOOK_BUCKETS = (*_STEP_BUCKETS, 10.0, 25.0)
_TIMED = ("type", "operation", "rejected")


class AdmissionMetrics:
    """Durations of plugins, of whole phases and of calls to webhooks, and how the calls ended.

    `kind` is ADMIT or VALIDATE; webhooks are told apart by name, operation and whether they refused.
    """

    def __init__(self) -> None:
        prefix, each = "apiserver_admission_", "broken out for each operation and API resource and type"
        self._controllers = Histogram(
            f"{prefix}controller_admission_duration_seconds",
            f"Admission controller latency histogram in seconds, identified by name and {each} (validate or admit).",
            ("name", *_TIMED),
            _STEP_BUCKETS,
        )
        self._steps = Histogram(
            f"{prefix}step_admission_duration_seconds",
            f"Admission sub-step latency histogram in seconds, {each} (validate or admit).",
            _TIMED,
            _STEP_BUCKETS,
        )
        self._webhooks = Histogram(
            f"{prefix}webhook_admission_duration_seconds",
            f"Admission webhook latency histogram in seconds, identified by name and {each} (validate or admit).",
            ("name", *_TIMED),
            _WEBHOOK_BUCKETS,
        )
        self._requests = Counter(
            f"{prefix}webhook_request_total",
            "Admission webhook request total, identified by name and broken out for each admission type and operation.",
            ("name", "type", "operation", "code", "rejected"),
        )
        self._rejections = Counter(
            f"{prefix}webhook_rejection_count",
            "Admission webhook rejection count, identified by name and broken out for each type and operation.",
            ("name", "type", "operation", "error_type", "rejection_code"),
        )
        self._open = Counter(
            f"{prefix}webhook_fail_open_count",
            "Admission webhook fail open count, identified by name and broken out for each admission type.",
            ("name", "type"),
        )

        self.policies = PolicyMetrics()

    def plugin(self, name: str, kind: str, operation: str, seconds: float, *, rejected: bool) -> None:
        self._controllers.observe((name, _step_type(kind), operation, _bool(rejected)), seconds)

    def phase(self, kind: str, operation: str, seconds: float, *, rejected: bool) -> None:
        self._steps.observe((_step_type(kind), operation, _bool(rejected)), seconds)

    def webhook(self, name: str, kind: str, operation: str, seconds: float, *, code: int, rejected: bool) -> None:
        """`code` is what the webhook answered the write with; 600 and above count as 600, as upstream's."""
        self._webhooks.observe((name, kind, operation, _bool(rejected)), seconds)
        self._requests.count((name, kind, operation, str(min(code, 600)), _bool(rejected)))

    def rejection(self, name: str, kind: str, operation: str, error_type: str, code: int) -> None:
        """`error_type`: calling_webhook_error, apiserver_internal_error or no_error."""
        self._rejections.count((name, kind, operation, error_type, str(min(code, 600))))

    def failed_open(self, name: str, kind: str) -> None:
        self._open.count((name, kind))

    def collect(self) -> Iterator["Metric"]:
        for each in (self._controllers, self._steps, self._webhooks, self._requests, self._rejections, self._open):
            yield each.collect()
        yield self._step_summary()
        yield from self.policies.collect()

    def _step_summary(self) -> "Metric":
        """Upstream's summary of the last minutes has no quantiles when nobody writes, as this one never has."""
        from prometheus_client.core import SummaryMetricFamily

        family = SummaryMetricFamily(
            "apiserver_admission_step_admission_duration_seconds_summary",
            "Admission sub-step latency summary in seconds, broken out for each operation and API resource and step "
            "type (validate or admit).",
            labels=_TIMED,
        )
        for labels, total, count in self._steps.totals():
            family.add_metric(labels, count, total)
        return family


def _step_type(kind: str) -> str:
    return "admit" if kind == ADMIT else "validate"


def _bool(value: bool) -> str:
    return "true" if value else "false"
