"""What the autoscaler counts of its own work: kubernetes/pkg/controller/podautoscaler/monitor."""

from collections.abc import Sequence

from minik.server.controllers.measures import Measure, Spread, Tally, doubling

_PREFIX = "horizontal_pod_autoscaler_controller_"
_BOUNDS = doubling(0.001, 15)
_LABELS = ("action", "error")


class AutoscalerMetrics:
    """Errors are "none" or "internal"."""

    def __init__(self) -> None:
        self._runs = Tally(f"{_PREFIX}reconciliations", "Number of reconciliations of HPA controller", *_LABELS)
        self._run_seconds = Spread(
            f"{_PREFIX}reconciliation_duration_seconds",
            "The time(seconds) that the HPA controller takes to reconcile once",
            _BOUNDS,
            *_LABELS,
        )
        self._computations = Tally(
            f"{_PREFIX}metric_computation", "Number of metric computations", *_LABELS, "metric_type"
        )
        self._computation_seconds = Spread(
            f"{_PREFIX}metric_computation_duration_seconds",
            "The time(seconds) that the HPA controller takes to calculate one metric",
            _BOUNDS,
            *_LABELS,
            "metric_type",
        )

    @property
    def measures(self) -> Sequence[Measure]:
        return [each for each in vars(self).values() if isinstance(each, Tally | Spread)]

    def reconciled(self, change: int, error: str, seconds: float) -> None:
        """`change` is by how many replicas the target was scaled."""
        labels = (_action(change), error)
        self._runs.add(*labels)
        self._run_seconds.add(seconds, *labels)

    def computed(self, kind: str, change: int, error: str, seconds: float) -> None:
        """`change` is by how many replicas the metric wants it scaled."""
        labels = (_action(change), error, kind)
        self._computations.add(*labels)
        self._computation_seconds.add(seconds, *labels)


def _action(change: int) -> str:
    return "scale_up" if change > 0 else "scale_down" if change < 0 else "none"
