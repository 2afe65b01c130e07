"""Validation of Nodes."""

from minik.api.types import Obj
from minik.api.validation import FieldError


def validate_node(_obj: Obj) -> list[FieldError]:
    return []


def validate_node_update(_new: Obj, _old: Obj) -> list[FieldError]:
    return []


def validate_node_status_update(_new: Obj, _old: Obj) -> list[FieldError]:
    return []
