"""What admission policies and match conditions count, under upstream's metric names.

https://kubernetes.io/docs/reference/instrumentation/metrics/
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from minik.server.apiserver.series import Counter, Histogram

if TYPE_CHECKING:
    from prometheus_client.core import Metric

_CHECK_BUCKETS = (0.0000005, 0.001, 0.01, 0.1, 1.0)
_CONDITION_BUCKETS = (0.001, 0.005, 0.01, 0.025, 0.1, 0.2, 0.25)
_CHECKED = ("policy", "policy_binding", "error_type")
_ENFORCED = (*_CHECKED, "enforcement_action")
_CONDITION = ("name", "kind", "type", "operation")
_OUT_OF_BUDGET = "validation failed due to running out of cost budget"


def error_type(message: str) -> str:
    """Of an expression that denied or could not be evaluated, told by its message as upstream does."""
    if message.startswith("compilation"):
        return "compile_error"
    return "out_of_budget" if message.startswith(_OUT_OF_BUDGET) else "invalid_error"


class PolicyMetrics:
    """`action`: allow, deny, audit or warn. `kind`: webhook or policy; `step`: admit or validate."""

    def __init__(self) -> None:
        validating, mutating = (
            "apiserver_validating_admission_policy_check_",
            "apiserver_mutating_admission_policy_check_",
        )
        conditions, by = "apiserver_admission_match_condition_", "identified by name and broken out for each kind"
        self._checks = Counter(
            f"{validating}total",
            "Validation admission policy check total, labeled by policy and further identified by binding and "
            "enforcement action taken.",
            _ENFORCED,
        )
        self._check_seconds = Histogram(
            f"{validating}duration_seconds",
            "Validation admission latency for individual validation expressions in seconds, labeled by policy and "
            "further including binding and enforcement action taken.",
            _ENFORCED,
            _CHECK_BUCKETS,
        )
        self._mutations = Counter(
            f"{mutating}total",
            "Mutation admission policy check total, labeled by policy and further identified by binding.",
            _CHECKED,
        )
        self._mutation_seconds = Histogram(
            f"{mutating}duration_seconds",
            "Mutation admission latency for individual mutation expressions in seconds, labeled by policy and binding.",
            _CHECKED,
            _CHECK_BUCKETS,
        )
        self._condition_errors = Counter(
            f"{conditions}evaluation_errors_total",
            f"Admission match condition evaluation errors count, {by}, operation and admission type.",
            _CONDITION,
        )
        self._exclusions = Counter(
            f"{conditions}exclusions_total",
            f"Admission match condition evaluation exclusions count, {by}, operation and admission type.",
            _CONDITION,
        )
        self._condition_seconds = Histogram(
            f"{conditions}evaluation_seconds",
            f"Admission match condition evaluation time in seconds, {by}, operation and type.",
            _CONDITION,
            _CONDITION_BUCKETS,
        )

    def validation(self, policy: str, binding: str, message: str, action: str, seconds: float) -> None:
        labels = (policy, binding, error_type(message), action)
        self._checks.count(labels)
        self._check_seconds.observe(labels, seconds)

    def mutation(self, policy: str, binding: str, message: str, seconds: float) -> None:
        """`message` "" when the mutation succeeded."""
        labels = (policy, binding, error_type(message) if message else "no_error")
        self._mutations.count(labels)
        self._mutation_seconds.observe(labels, seconds)

    def conditions(self, name: str, kind: str, step: str, operation: str, seconds: float, errors: int) -> None:
        """The match conditions of one webhook or policy were evaluated; `errors` of them could not be."""
        labels = (name, kind, step, operation)
        self._condition_seconds.observe(labels, seconds)
        for _ in range(errors):
            self._condition_errors.count(labels)

    def excluded(self, name: str, step: str, operation: str) -> None:
        """A webhook is not asked because of its match conditions."""
        self._exclusions.count((name, "webhook", step, operation))

    def collect(self) -> Iterator["Metric"]:
        for each in (
            self._checks,
            self._check_seconds,
            self._mutations,
            self._mutation_seconds,
            self._condition_errors,
            self._exclusions,
            self._condition_seconds,
        ):
            yield each.collect()
