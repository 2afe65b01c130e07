"""Validation of Services."""

from minik.api.types import Obj
from minik.api.validation import FieldError


def validate_service(_obj: Obj) -> list[FieldError]:
    return []


def validate_service_update(_new: Obj, _old: Obj) -> list[FieldError]:
    return []


def validate_service_status_update(_new: Obj, _old: Obj) -> list[FieldError]:
    return []
