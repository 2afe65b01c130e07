"""Durations as Go writes them: 1h30m, 1.5s, 300ms."""

import re

_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_PIECE = re.compile(r"([0-9]*\.?[0-9]*)([^0-9.]*)")


def parse_duration(text: str) -> float:
    """Go's time.ParseDuration, in seconds. Raises ValueError with its text."""
    sign = -1.0 if text.startswith("-") else 1.0
    rest = text[1:] if text[:1] in ("-", "+") else text
    if rest == "0":
        return 0.0
    if not rest:
        raise ValueError(f'time: invalid duration "{text}"')
    total, at = 0.0, 0
    while at < len(rest):
        found = _PIECE.match(rest, at)
        assert found is not None
        number, unit = found.groups()
        if not any(character.isdigit() for character in number):
            raise ValueError(f'time: invalid duration "{text}"')
        if not unit:
            raise ValueError(f'time: missing unit in duration "{text}"')
        if unit not in _UNITS:
            raise ValueError(f'time: unknown unit "{unit}" in duration "{text}"')
        total += float(number) * _UNITS[unit]
        at = found.end()
    return sign * total
