"""Finds fields that a type does not have and keys that JSON repeats, with their paths.

Only walked when the fast pass (structs.py) saw that there is something to report. Texts and order:
sigs.k8s.io/json's strict decoding.
"""

import json
from typing import Any

from minik.api.schema.types import Field, Shape


class Pairs(list[tuple[str, Any]]):
    """A JSON object with its repeated keys."""


def with_duplicates(text: str) -> Any:
    """JSON in which objects are Pairs."""
    return json.loads(text, object_pairs_hook=Pairs)


def complaints(value: Any, shape: Shape) -> list[str]:
    """`unknown field "spec.x"` and `duplicate field "data.a"`, in the order of the document.

    `value` may hold plain dicts (then nothing can be repeated) or Pairs.
    """
    found: list[str] = []
    _object(value, shape, "", found)
    return found


def _object(value: Any, shape: Shape, path: str, found: list[str]) -> None:
    if not isinstance(value, (dict, Pairs)):
        return
    seen: set[str] = set()
    for name, item in value.items() if isinstance(value, dict) else value:
        field = shape.fields.get(name)
        where = f"{path}.{name}" if path else name
        if field is None:
            if not shape.preserve_unknown:
                found.append(f'unknown field "{where}"')
            continue
        if name in seen:
            found.append(f'duplicate field "{where}"')
        seen.add(name)
        _value(item, field, where, found)


def _value(value: Any, field: Field, path: str, found: list[str]) -> None:
    if field.type == "object" and field.shape:
        _object(value, field.shape, path, found)
    elif field.type == "list" and field.item and isinstance(value, list) and not isinstance(value, Pairs):
        if field.item.type in ("object", "list", "map"):
            for index, item in enumerate(value):
                _value(item, field.item, f"{path}[{index}]", found)
    elif field.type == "map" and field.item and isinstance(value, (dict, Pairs)):
        seen: set[str] = set()
        for key, item in value.items() if isinstance(value, dict) else value:
            where = f"{path}.{key}"
            if key in seen:
                found.append(f'duplicate field "{where}"')
            seen.add(key)
            _value(item, field.item, where, found)
