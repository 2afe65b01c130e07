"""Validation of Pods."""

from minik.api.types import Obj
from minik.api.validation import FieldError


def validate_pod(_obj: Obj) -> list[FieldError]:
    return []
