"""Validation of pod updates."""

from minik.api.types import Obj
from minik.api.validation import FieldError


def validate_pod_update(_new: Obj, _old: Obj) -> list[FieldError]:
    return []


def validate_ephemeral_containers_update(_new: Obj, _old: Obj) -> list[FieldError]:
    return []


def validate_resize(_new: Obj, _old: Obj) -> list[FieldError]:
    return []
