"""How far a rolling update may go: maxSurge and maxUnavailable as numbers.

https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#rolling-update-deployment
"""

import math
from typing import Any

from minik.api.types import Obj


def scaled(value: Any, total: int, *, round_up: bool) -> int:
    """An int or a percentage of `total`. Raises ValueError for anything else."""
    if isinstance(value, int):
        return value
    if not (isinstance(value, str) and value.endswith("%")):
        raise ValueError(f"invalid value for IntOrString: {value!r}")
    part = int(value[:-1]) * total / 100
    return math.ceil(part) if round_up else math.floor(part)


def fenceposts(max_surge: Any, max_unavailable: Any, desired: int) -> tuple[int, int]:
    """(surge, unavailable); never both 0, or nothing could move."""
    surge = scaled(max_surge if max_surge is not None else 0, desired, round_up=True)
    unavailable = scaled(max_unavailable if max_unavailable is not None else 0, desired, round_up=False)
    return (surge, unavailable) if surge or unavailable else (0, 1)


def is_rolling(deployment: Obj) -> bool:
    return str(deployment["spec"].get("strategy", {}).get("type", "RollingUpdate")) == "RollingUpdate"


def limits(deployment: Obj) -> tuple[int, int]:
    """(maxSurge, maxUnavailable) of a Deployment in Pods; (0, 0) when it does not roll."""
    replicas = deployment["spec"].get("replicas", 1)
    if not is_rolling(deployment):
        return 0, 0
    rolling = deployment["spec"].get("strategy", {}).get("rollingUpdate") or {}
    surge, unavailable = fenceposts(rolling.get("maxSurge", "25%"), rolling.get("maxUnavailable", "25%"), replicas)
    return surge, min(unavailable, replicas)
