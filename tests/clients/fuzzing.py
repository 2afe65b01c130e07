"""How much is tried: a few examples, always the same; MINIK_FUZZ=<factor> in the environment tries other and more."""

import os
from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, settings

_FACTOR = float(os.environ.get("MINIK_FUZZ", "0"))


def examples(count: int) -> Callable[[Any], Any]:
    """Hypothesis settings for a test that talks to a server."""
    return settings(
        max_examples=int(count * (_FACTOR or 1)),
        derandomize=not _FACTOR,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
