"""Why apimachinery's converter refuses to make a struct of a map. Strategic merge patches go through it, not JSON.

Texts and order: k8s.io/apimachinery/pkg/runtime/converter.go.
"""

from typing import Any

from minik.api.schema.structs import go_type
from minik.api.schema.types import Field, Shape
from minik.api.schema.values import PARSERS, BadValue, TypeMismatch, canonical_base64


def mismatch(value: Any, shape: Shape) -> str:
    """What is wrong with the first field, in Go's order, that does not fit; "" when all do."""
    if not isinstance(value, dict):
        return f"cannot restore struct from: {_kind(value)}"
    for name, field in shape.fields.items():
        text = _value(value.get(name), field)
        if text:
            return text
    return ""


def _value(value: Any, field: Field) -> str:
    if value is None or field.union or field.type == "any":
        return ""
    if field.type == "object":
        return mismatch(value, field.shape) if field.shape else ""
    if field.type in PARSERS:
        return _parsed(value, field)
    if field.type == "list":
        return _list(value, field)
    if field.type == "map":
        return _map(value, field)
    return _bytes(value) if field.type == "bytes" else _simple(value, field)


def _list(value: Any, field: Field) -> str:
    if not isinstance(value, list):
        return f"cannot restore slice from {_kind(value)}"
    return _first(value, field)


def _map(value: Any, field: Field) -> str:
    if not isinstance(value, dict):
        return f"cannot restore map from {_kind(value)}"
    return _first(value.values(), field)


def _first(values: Any, field: Field) -> str:
    assert field.item is not None
    for value in values:
        text = _value(value, field.item)
        if text:
            return text
    return ""


def _parsed(value: Any, field: Field) -> str:
    try:
        PARSERS[field.type](value)
    except (BadValue, TypeMismatch) as error:
        return str(error)
    return ""


def _bytes(value: Any) -> str:
    if not isinstance(value, str):
        return "" if isinstance(value, list) else f"cannot restore slice from {_kind(value)}"
    try:
        canonical_base64(value)
    except BadValue as error:
        return f"error decoding from json: {error}"
    return ""


def _simple(value: Any, field: Field) -> str:
    """Go converts some types into others, which the converter refuses with another text."""
    wanted, found = {"double": "float64"}.get(field.type, field.type), _kind(value)
    if found == wanted or (found == "int64" and wanted in ("int32", "float64")):
        return ""
    if found == "float64" and wanted in ("int32", "int64"):
        return "" if value.is_integer() else f"cannot convert {found} to {go_type(field)}"
    if found == "int64" and wanted == "string":
        return f"cannot convert {found} to {go_type(field)}"
    return f"unrecognized type: {wanted}"


def _kind(value: Any) -> str:
    """Go's kind of a decoded JSON value."""
    kinds: dict[type, str] = {bool: "bool", int: "int64", float: "float64", str: "string", list: "slice", dict: "map"}
    return kinds[type(value)]
