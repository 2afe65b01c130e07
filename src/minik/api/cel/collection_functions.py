"""Lists, sets and regular expressions: isSorted, sum, min, max, indexOf, find, findAll, sets.contains and the like.

https://kubernetes.io/docs/reference/using-api/cel/#kubernetes-list-library
"""

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from minik.api.cel.function import Function
from minik.api.crd import go_regexp


def _same(one: Any, other: Any) -> bool:
    """CEL's equality: booleans are no numbers."""
    return one == other and isinstance(one, bool) == isinstance(other, bool)


def _has(items: Sequence[Any], wanted: Any) -> bool:
    return any(_same(item, wanted) for item in items)


def _contains(items: Sequence[Any], others: Sequence[Any]) -> bool:
    return all(_has(items, other) for other in others)


def _is_sorted(items: Sequence[Any]) -> bool:
    return all(not one > other for one, other in pairwise(items))


def _sum(items: Sequence[Any]) -> Any:
    start: Any = timedelta() if items and isinstance(items[0], timedelta) else 0
    return sum(items, start)


def _extreme(name: str, pick: Any) -> Any:
    def find(items: Sequence[Any]) -> Any:
        if not items:
            raise ValueError(f"{name} called on empty list")
        return pick(items)

    return find


def _index(items: Sequence[Any], wanted: Any) -> int:
    return next((place for place, item in enumerate(items) if _same(item, wanted)), -1)


def _last_index(items: Sequence[Any], wanted: Any) -> int:
    return next((place for place in reversed(range(len(items))) if _same(items[place], wanted)), -1)


def _distinct(items: Sequence[Any]) -> list[Any]:
    kept: list[Any] = []
    for item in items:
        if not _has(kept, item):
            kept.append(item)
    return kept


def _sorted_by(items: Sequence[Any], keys: Sequence[Any]) -> list[Any]:
    """Items in the order of their keys."""
    order = sorted(range(len(items)), key=lambda place: keys[place])
    return [items[place] for place in order]


def _slice(items: Sequence[Any], start: int, end: int) -> list[Any]:
    what = f"cannot slice({start}, {end})"
    if start < 0 or end < 0:
        raise ValueError(f"{what}, negative indexes not supported")
    if start > end:
        raise ValueError(f"{what}, start index must be less than or equal to end index")
    if end > len(items):
        raise ValueError(f"{what}, list is length {len(items)}")
    return list(items[start:end])


def _flatten(items: Sequence[Any], depth: int = 1) -> list[Any]:
    if depth < 0:
        raise ValueError("level must be non-negative")
    flat: list[Any] = []
    for item in items:
        flat += (_flatten(item, depth - 1) if depth > 1 else item) if isinstance(item, list) and depth else [item]
    return flat


def _milliseconds(time: Any) -> int:
    """All of a duration, those of the second of a time."""
    if isinstance(time, timedelta):
        return time // timedelta(milliseconds=1)
    if isinstance(time, datetime):
        return time.microsecond // 1000
    raise ValueError("no such overload")


def _pattern(text: str) -> re.Pattern[str]:
    complaint = go_regexp.complaint(text)
    if complaint:
        raise ValueError(f"Illegal regex: {complaint}")
    return go_regexp.compiled(text)


def _find(text: str, pattern: str) -> str:
    match = _pattern(pattern).search(text)
    return match[0] if match else ""


def _find_all(text: str, pattern: str, most: int = -1) -> list[str]:
    found = [match[0] for match in _pattern(pattern).finditer(text)]
    return found if most < 0 else found[:most]


_SUMMED = ("int", "uint", "double", "duration")
_COMPARABLE = (*_SUMMED, "bool", "timestamp", "string", "bytes")


def _of(items: Sequence[str], name: str, implementation: Any, result: str = "") -> tuple[Function, ...]:
    """One function for each type of items; `result` "": an item."""
    return tuple(Function(name, (f"list<{item}>",), result or item, implementation) for item in items)


FUNCTIONS = (
    Function("getMilliseconds__", ("dyn",), "int", _milliseconds, unchecked=True),
    Function("getMilliseconds__", ("dyn", "string"), "int", lambda time, _: _milliseconds(time), unchecked=True),
    *_of(_COMPARABLE, "isSorted", _is_sorted, "bool"),
    *_of(_SUMMED, "sum", _sum),
    *_of(_COMPARABLE, "min", _extreme("min", min)),
    *_of(_COMPARABLE, "max", _extreme("max", max)),
    Function("indexOf", ("list", "dyn"), "int", _index),
    Function("lastIndexOf", ("list", "dyn"), "int", _last_index),
    *(Function("sort", (f"list<{item}>",), f"list<{item}>", sorted) for item in _COMPARABLE),
    Function("sortBy__", ("list", "list"), "list", _sorted_by, member=False),
    Function("reverse", ("list",), "list", lambda items: list(reversed(items))),
    Function("distinct", ("list",), "list", _distinct),
    Function("slice", ("list", "int", "int"), "list", _slice),
    Function("flatten", ("list",), "list", _flatten),
    Function("flatten", ("list", "int"), "list", _flatten),
    Function("lists.range", ("int",), "list<int>", lambda count: list(range(count)), member=False),
    Function("find", ("string", "string"), "string", _find),
    Function("findAll", ("string", "string"), "list<string>", _find_all),
    Function("findAll", ("string", "string", "int"), "list<string>", _find_all),
    Function("sets.contains", ("list", "list"), "bool", _contains, member=False),
    Function(
        "sets.equivalent", ("list", "list"), "bool", lambda a, b: _contains(a, b) and _contains(b, a), member=False
    ),
    Function("sets.intersects", ("list", "list"), "bool", lambda a, b: any(_has(b, x) for x in a), member=False),
)
