"""Validation of volumes."""

from minik.api.types import Obj
from minik.api.validation import FieldError


def validate_persistent_volume(_obj: Obj) -> list[FieldError]:
    return []


def validate_persistent_volume_update(_new: Obj, _old: Obj) -> list[FieldError]:
    return []
