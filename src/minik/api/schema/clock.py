"""Times as the API writes them: RFC 3339 in UTC, to the second (Time) or to the microsecond (MicroTime).

Reading follows Go's time.Parse, error texts included.
"""

import json
import re
from datetime import UTC, datetime, timedelta

_RFC3339 = ("2006", "-", "01", "-", "02", "T", "15", ":", "04", ":", "05", "Z07:00")
_RFC3339_MICRO = (*_RFC3339[:-1], ".000000", "Z07:00")
_USUAL = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", re.ASCII)
_RANGES = {"01": ("month", 1, 12), "15": ("hour", 0, 23), "04": ("minute", 0, 59), "05": ("second", 0, 59)}


def canonical(text: str) -> str:
    """A Time in UTC without fractions. Raises ValueError with Go's text."""
    if _USUAL.fullmatch(text):
        try:
            datetime.fromisoformat(text)
            return text
        except ValueError:
            pass
    return _parse(text, _RFC3339).strftime("%Y-%m-%dT%H:%M:%SZ").rjust(20, "0")


def canonical_micro(text: str) -> str:
    """A MicroTime in UTC with six digits. Raises ValueError with Go's text."""
    return _parse(text, _RFC3339_MICRO).strftime("%Y-%m-%dT%H:%M:%S.%fZ").rjust(27, "0")


def _parse(text: str, layout: tuple[str, ...]) -> datetime:
    rest = text
    numbers: dict[str, int] = {"02": 1}
    offset = timedelta()

    def cannot(element: str, at: str) -> ValueError:
        wanted = "".join(layout)
        problem = f"cannot parse {_quote(at)} as {_quote(element)}"
        return ValueError(f"parsing time {_quote(text)} as {_quote(wanted)}: {problem}")

    for element in layout:
        if element == "Z07:00":
            zone = _zone(rest)
            if zone is None:
                raise cannot(element, rest)
            offset, rest = zone
        elif element == ".000000":
            if len(rest) < 7 or rest[0] not in ".," or not _digits(rest[1:7]):
                raise cannot(element, rest)
            numbers[element], rest = int(rest[1:7]), rest[7:]
        elif element[0].isdigit():
            width = len(element)
            if len(rest) < width or not _digits(rest[:width]):
                raise cannot(element, rest)
            numbers[element], rest = int(rest[:width]), rest[width:]
            name, low, high = _RANGES.get(element, ("", 0, 9999))
            if not low <= numbers[element] <= high:
                raise ValueError(f"parsing time {_quote(text)}: {name} out of range")
            if element == "05" and ".000000" not in layout:
                rest = _skip_fraction(rest)
        else:
            if not rest.startswith(element):
                raise cannot(element, rest)
            rest = rest[len(element) :]
    if rest:
        raise ValueError(f"parsing time {_quote(text)}: extra text: {_quote(rest)}")
    return _moment(text, numbers, offset)


def _moment(text: str, numbers: dict[str, int], offset: timedelta) -> datetime:
    year, month, day, hour, minute, second = (numbers[part] for part in ("2006", "01", "02", "15", "04", "05"))
    try:
        return datetime(year, month, day, hour, minute, second, numbers.get(".000000", 0), UTC) - offset
    except (ValueError, OverflowError):
        raise ValueError(f"parsing time {_quote(text)}: day out of range") from None


def _digits(text: str) -> bool:
    return text.isascii() and text.isdigit()


def _skip_fraction(rest: str) -> str:
    if len(rest) >= 2 and rest[0] in ".," and _digits(rest[1]):
        end = 1
        while end < len(rest) and _digits(rest[end]):
            end += 1
        return rest[end:]
    return rest


def _zone(rest: str) -> tuple[timedelta, str] | None:
    """The offset at the start of the text and what follows it."""
    if rest.startswith("Z"):
        return timedelta(), rest[1:]
    if len(rest) < 6 or rest[0] not in "+-" or rest[3] != ":" or not _digits(rest[1:3] + rest[4:6]):
        return None
    offset = timedelta(hours=int(rest[1:3]), minutes=int(rest[4:6]))
    return (-offset if rest[0] == "-" else offset), rest[6:]


def _quote(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
