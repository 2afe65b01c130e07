"""Finds fields that a type does not have and keys that JSON repeats, with their paths.

Only walked when the fast pass (structs.py) saw that there is something to report. Texts and order:
sigs.k8s.io/json's strict decoding.
"""

import json
from collections.abc import Iterable
from typing import Any

from minik.api.schema.types import Field, Shape

_MOST = 100  # complaints of one text, as Go's decoder keeps them


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
    return _limited(found)


def repeated_fields(value: Any) -> list[str]:
    """`duplicate field "spec.a"` for every repeated key, in the order of the text."""
    return _limited(_repeats(value, ""))


def patch_complaints(patch: list[Any] | None) -> list[str]:
    """What a JSON patch repeats and what its operations do not have."""
    found: list[str] = []
    for index, operation in enumerate(patch or ()):
        seen: set[str] = set()
        for name, item in operation.items() if isinstance(operation, dict) else operation or ():
            where = f"[{index}].{name}"
            if name not in ("op", "path", "from", "value"):
                found.append(f'unknown field "{where}"')
                continue
            if name in seen:
                found.append(f'duplicate field "{where}"')
            seen.add(name)
            found += _repeats(item, where)
    return [f"json patch {text}" for text in _limited(found)]


def as_warnings(complaints: Iterable[str]) -> list[str]:
    """One warning for each complaint; YAML's reader has put several into one text."""
    warnings: list[str] = []
    for text in complaints:
        head, found, tail = text.partition("yaml: unmarshal errors:\n")
        warnings += [line.strip() for line in tail.split("\n")] if found else [head]
    return warnings


def _limited(found: list[str]) -> list[str]:
    return list(dict.fromkeys(found))[:_MOST]


def _repeats(value: Any, path: str) -> list[str]:
    found: list[str] = []
    if isinstance(value, Pairs):
        names: set[str] = set()
        for name, item in value:
            where = f"{path}.{name}" if path else name
            if name in names:
                found.append(f'duplicate field "{where}"')
            names.add(name)
            found += _repeats(item, where)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            found += _repeats(item, f"{path}[{index}]")
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
