"""How long the strings, lists and maps of a schema can get: what cost estimates are made of.

Without limits in the schema it is what fits into one request.
Upstream: apiserver's cel/common/schemas.go and cel/limits.go.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from minik.api.cel.declarations import escape, properties_of
from minik.api.types import Obj

REQUEST = 3 * 1024 * 1024  # bytes of the largest request
_STRING, _DURATION, _DATE, _TIME, _BOOL, _NUMBER = 2, 3, 12, 21, 4, 1  # bytes of the shortest of each in JSON
_LONGEST_DURATION = _LONGEST_TIME = 32


@dataclass(frozen=True, slots=True)
class Declared:
    """A type with its limits. `shortest`: bytes of its shortest JSON; `most`: items, entries or characters."""

    kind: str
    shortest: int
    most: int = 0
    items: "Declared | None" = None
    fields: Mapping[str, "Declared"] = field(default_factory=dict)


ANYTHING = "anything"
"""The kind of a type that has all fields and items there can be, each of this type."""


def declared(schema: Any) -> Declared | None:
    """None for what expressions cannot see."""
    if not isinstance(schema, dict):
        return None
    if schema.get("x-kubernetes-int-or-string"):
        return Declared("dyn", 1, _longest(schema))
    match schema.get("type"):
        case "array":
            return _list(schema)
        case "object" if isinstance(schema.get("additionalProperties"), dict):
            return _map(schema)
        case "object":
            return _object(schema)
        case "string":
            return _string(schema)
        case "boolean":
            return Declared("bool", _BOOL)
        case "integer":
            return Declared("int", _NUMBER)
        case "number":
            return Declared("double", _NUMBER)
    return None


def at(root: Declared | None, path: tuple[str, ...]) -> Declared | None:
    """The type at a path of field names, "@items", "@values" and "@keys"; its first step names a variable."""
    found = root
    if root is not None and root.kind == ANYTHING:
        return root
    for step in path[1:]:
        if found is None:
            return None
        if step in ("@items", "@values"):
            found = found.items
        elif step == "@keys":
            found = _KEY if found.kind == "map" else None
        else:
            found = found.fields.get(step)
    return found


_KEY = Declared("string", _STRING)


def _list(schema: Obj) -> Declared | None:
    items = declared(schema.get("items"))
    if items is None:
        return None
    most = schema.get("maxItems")
    fitting = (REQUEST - 2) // (items.shortest + 1)
    return Declared("list", 2, fitting if most is None else max(0, int(most)), items)


def _map(schema: Obj) -> Declared | None:
    items = declared(schema["additionalProperties"])
    if items is None:
        return None
    most = schema.get("maxProperties")
    fitting = (REQUEST - 2) // (items.shortest + 6)
    return Declared("map", 2, fitting if most is None else max(0, int(most)), items)


def _object(schema: Obj) -> Declared:
    fields: dict[str, Declared] = {}
    shortest = 2
    required = schema.get("required") or ()
    for name, part in properties_of(schema).items():
        found = declared(part)
        if found is None:
            continue
        escaped = escape(name)
        if escaped is not None:
            fields[escaped] = found
        if name in required and part.get("default") is None:
            shortest += len(name) + found.shortest + 4
    return Declared("object", shortest, fields=fields)


def _string(schema: Obj) -> Declared:
    match schema.get("format"):
        case "byte":
            most = schema.get("maxLength")
            return Declared("bytes", _STRING, REQUEST - 2 if most is None else max(0, int(most)))
        case "duration":
            return Declared("duration", _DURATION, _LONGEST_DURATION)
        case "date":
            return Declared("timestamp", _DATE, _DATE)
        case "date-time":
            return Declared("timestamp", _TIME, _LONGEST_TIME)
    return Declared("string", _STRING, _longest(schema))


def _longest(schema: Obj) -> int:
    """Characters may be four bytes long."""
    most = schema.get("maxLength")
    if most is not None:
        return max(0, int(most)) * 4
    choices = schema.get("enum")
    if choices and not schema.get("x-kubernetes-int-or-string"):
        return max((len(each.encode()) for each in choices if isinstance(each, str)), default=0)
    return REQUEST - 2
