"""How much is tried: few examples in a normal run, many with MINIK_FUZZ=<factor> in the environment."""

import os
from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, settings

_FACTOR = float(os.environ.get("MINIK_FUZZ", "1"))


def examples(count: int) -> Callable[[Any], Any]:
    """Hypothesis settings for a test that talks to a server."""
    return settings(
        max_examples=max(int(count * _FACTOR), 1),
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
