"""Validation of Endpoints."""

from minik.api.types import Obj
from minik.api.validation import FieldError


def validate_endpoints(_obj: Obj) -> list[FieldError]:
    return []


def validate_endpoints_update(_new: Obj, _old: Obj) -> list[FieldError]:
    return []
