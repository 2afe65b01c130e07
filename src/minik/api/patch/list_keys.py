"""How an item of a list that merges is named: by its key fields, or by its value in a set."""

from typing import Any

import orjson

from minik.api.patch import go_print
from minik.api.patch.merge_types import MergeType


class NoKey(ValueError):
    """An item cannot be named. The text is upstream's."""


def element_of(item: Any, of: MergeType) -> str:
    """The path element of one item of a keyed list or a set. Missing key fields take their default. Raises NoKey."""
    return _key_of(item, of) if of.kind == "keyed" else _value_of(item)


def _key_of(item: Any, of: MergeType) -> str:
    if not isinstance(item, dict):
        kind = "null" if item is None else "non-map"
        raise NoKey(f"associative list with keys may not have {kind} elements")
    content = {}
    for name, default in of.keys:
        if name in item:
            content[name] = item[name]
        elif default is not None:
            content[name] = default
    if not content:
        names = " ".join(go_print.quoted(name) for name, _ in of.keys)
        raise NoKey(
            f"associative list with keys has an element that omits all key fields [{names}] "
            "(and doesn't have default values for any key fields)"
        )
    return "k:" + orjson.dumps(content).decode()


def _value_of(item: Any) -> str:
    if isinstance(item, dict):
        raise NoKey("associative list without keys has an element that's a map type")
    if isinstance(item, list):
        raise NoKey("not supported: associative list with lists as elements")
    if item is None:
        raise NoKey("associative list without keys has an element that's an explicit null")
    return "v:" + orjson.dumps(item).decode()


def index(items: list[Any] | None, of: MergeType) -> dict[str, list[Any]]:
    """Items by path element, in list order. Items that cannot be named are left out; duplicates share an entry."""
    named: dict[str, list[Any]] = {}
    for item in items or ():
        try:
            named.setdefault(element_of(item, of), []).append(item)
        except NoKey:
            continue
    return named
