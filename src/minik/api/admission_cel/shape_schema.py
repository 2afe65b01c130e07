"""The schema of a built-in type, in the form that CEL declarations are made of (cel/declarations.py)."""

from typing import Any

from minik.api.schema.types import Field, Shape
from minik.api.types import Obj

FREE: Obj = {"x-kubernetes-int-or-string": True}  # any type at all, as far as expressions are concerned
_SCALARS: dict[str, Obj] = {
    "string": {"type": "string"},
    "int32": {"type": "integer"},
    "int64": {"type": "integer"},
    "double": {"type": "number"},
    "bool": {"type": "boolean"},
    "bytes": {"type": "string", "format": "byte"},
    "quantity": {"type": "string"},
    "time": {"type": "string", "format": "date-time"},
    "microtime": {"type": "string", "format": "date-time"},
    "duration": {"type": "string"},
}


def schema_of(shape: Shape) -> Obj:
    """All fields down to the last; a type inside itself has fields of any type."""
    return _object(shape, ())


def _object(shape: Shape, around: tuple[str, ...]) -> Obj:
    if shape.name in around:
        return FREE
    inside = (*around, shape.name)
    return {"type": "object", "properties": {name: _field(field, inside) for name, field in shape.fields.items()}}


def _field(field: Field, around: tuple[str, ...]) -> Any:
    match field.type:
        case "object" if field.shape is not None:
            return _object(field.shape, around)
        case "list" if field.item is not None:
            return {"type": "array", "items": _field(field.item, around)}
        case "map" if field.item is not None:
            return {"type": "object", "additionalProperties": _field(field.item, around)}
    return _SCALARS.get(field.type, FREE)
