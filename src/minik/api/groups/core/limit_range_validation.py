"""Validation of LimitRanges."""

from minik.api.types import Obj
from minik.api.validation import FieldError


def validate_limit_range(_obj: Obj) -> list[FieldError]:
    return []
