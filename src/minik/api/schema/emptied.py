"""Empty lists that Go always writes: `[]` while a request is worked on, null once it has been stored.

Upstream keeps an empty list apart from none until the object has gone through its storage encoding, and managedFields
are worked out before that: whoever sends `rules: []` owns `f:rules` and reads null.
"""

from typing import Any

from minik.api.schema.types import Field, Shape
from minik.api.types import Obj


def settle(obj: Obj, shape: Shape) -> None:
    """Turn such lists into null, in place."""
    for name, value in obj.items():
        field = shape.fields.get(name)
        if field is None or not isinstance(value, (dict, list)):
            continue
        if not value:
            if field.always and field.type == "list" and not field.pointer:
                obj[name] = None
        else:
            _settle_value(value, field)


def _settle_value(value: Any, field: Field) -> None:
    if field.type == "object" and isinstance(value, dict):
        shape = field.shape
        if shape is not None:
            settle(value, shape)
    elif field.item is not None and field.item.type in ("object", "list", "map"):
        for item in value.values() if isinstance(value, dict) else value:
            if isinstance(item, (dict, list)) and item:
                _settle_value(item, field.item)
