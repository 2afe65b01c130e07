"""Lists of completion indexes as texts, such as `1,3-5,7`: in success policies and in the status of indexed Jobs.

Texts of the complaints are upstream's (pkg/apis/batch/validation).
"""

import re

from minik.api.validation import show

_NUMBER = re.compile(r"[+-]?[0-9]+")
_INT64 = 1 << 63

Interval = tuple[int, int]


class IndexesError(ValueError):
    """Text that is no list of indexes; it says why."""


def _index(text: str, completions: int) -> int:
    if not _NUMBER.fullmatch(text) or not -_INT64 <= int(text) < _INT64:
        raise IndexesError(f"cannot convert string to integer for index: {show(text)}")
    if int(text) >= completions:
        raise IndexesError(f"too large index: {show(text)}")
    return int(text)


def _interval(text: str, completions: int) -> Interval:
    """`3` or `3-5`, both ends included."""
    limits = text.split("-")
    if len(limits) > 2:
        raise IndexesError(
            f"the fragment {show(text)} violates the requirement that an index interval can have at most two parts "
            "separated by '-'"
        )
    low = _index(limits[0], completions)
    if len(limits) == 1:
        return low, low
    high = _index(limits[1], completions)
    if low >= high:
        raise IndexesError(f"non-increasing order, previous: {low}, current: {high}")
    return low, high


def count_indexes(text: str, completions: int) -> int:
    """How many indexes the text names. Raises IndexesError."""
    total, last = 0, None
    for part in text.split(",") if text else ():
        low, high = _interval(part, completions)
        if last is not None and last >= low:
            raise IndexesError(f"non-increasing order, previous: {last}, current: {low}")
        total, last = total + high - low + 1, high
    return total


def _readable(text: str, completions: int) -> list[Interval]:
    found = []
    for part in text.split(",") if text else ():
        try:
            found.append(_interval(part, completions))
        except IndexesError:  # told of elsewhere
            continue
    return found


def first_overlap(completed: str, failed: str, completions: int) -> int | None:
    """The first index that both lists name; parts that cannot be read do not count."""
    ones, others = _readable(completed, completions), _readable(failed, completions)
    one = other = 0
    while one < len(ones) and other < len(others):
        (low, high), (other_low, other_high) = ones[one], others[other]
        if low <= other_high and other_low <= high:
            return max(low, other_low)
        if low <= other_low:
            one += 1
        else:
            other += 1
    return None
