"""Go's durations: 1h30m, 1.5s, 300ms."""

import re
from datetime import timedelta

_SECONDS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_PART = re.compile(r"(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|h|m|s)")


def parse_duration(text: str) -> timedelta:
    """Raises ValueError."""
    sign = -1 if text.startswith("-") else 1
    rest = text.lstrip("+-") if text[:1] in "+-" else text
    if rest == "0":
        return timedelta()
    if not rest or _PART.sub("", rest):
        raise ValueError(f"invalid duration {text!r}")
    return sign * timedelta(seconds=sum(float(n) * _SECONDS[unit] for n, unit in _PART.findall(rest)))
