"""How long a Job waits before it replaces a Pod that failed: 10 s, doubled with each failure since the last success.

The record outlives the Pods, which may be deleted meanwhile. Rules: kubernetes/pkg/controller/job/backoff_utils.go.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from minik.api.types import Obj
from minik.server.controllers.job_pods import ended_at

FIRST, LONGEST = 10.0, 600.0  # seconds


@dataclass(frozen=True, slots=True)
class Backoff:
    """Failures since the last success, and when the last of them was."""

    failures: int = 0
    last: datetime | None = None

    def after(self, succeeded: Sequence[Obj], failed: Sequence[Obj]) -> "Backoff":
        """With Pods that ended since."""
        failures = sorted(map(ended_at, failed))
        if not succeeded:
            return Backoff(self.failures + len(failures), failures[-1]) if failures else self
        success = max(map(ended_at, succeeded))
        later = [moment for moment in failures if moment > success]
        return Backoff(len(later), later[-1]) if later else Backoff()

    def left(self, now: datetime) -> float:
        """Seconds until the next Pod may start."""
        if not self.failures or self.last is None:
            return 0.0
        pause = min(FIRST * 2.0 ** min(self.failures - 1, 10), LONGEST)
        return max(0.0, pause - (now - self.last).total_seconds())
