"""Validation of Events."""

from minik.api.types import Obj
from minik.api.validation import FieldError


def validate_core_event(_obj: Obj) -> list[FieldError]:
    return []


def validate_core_event_update(_new: Obj, _old: Obj) -> list[FieldError]:
    return []
