"""Validation of claims."""

from minik.api.types import Obj
from minik.api.validation import FieldError


def validate_claim(_obj: Obj) -> list[FieldError]:
    return []


def validate_claim_update(_new: Obj, _old: Obj) -> list[FieldError]:
    return []


def validate_claim_status_update(_new: Obj, _old: Obj) -> list[FieldError]:
    return []
