"""Equality as upstream's `Semantic.DeepEqual` has it: amounts count by value, and nothing is as good as empty.

Costly, so ask only about values that plainly differ.
"""

from typing import Any

from minik.api.quantity import parse
from minik.api.schema import types
from minik.api.schema.types import Field, Shape
from minik.api.types import Obj


def _same_value(one: Any, other: Any, field: Field) -> bool:
    if one == other:
        return True
    if field.shape is not None and isinstance(one, dict) and isinstance(other, dict):
        return _same_struct(one, other, field.shape)
    if field.item is None:
        return field.type == "quantity" and bool(one and other) and parse(one).nanos == parse(other).nanos
    one, other = one or (), other or ()
    if len(one) != len(other):
        return False
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same_value(one[key], other[key], field.item) for key in one)
    return all(_same_value(mine, theirs, field.item) for mine, theirs in zip(one, other, strict=True))


def _same_struct(one: Obj, other: Obj, shape: Shape) -> bool:
    return all(_same_value(one.get(name), other.get(name), field) for name, field in shape.fields.items())


def same(one: Obj, other: Obj, type_name: str) -> bool:
    """Do two objects of a type, by its OpenAPI name, mean the same?"""
    return one == other or _same_struct(one, other, types.get(type_name))
