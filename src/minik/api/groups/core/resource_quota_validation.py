"""Validation of ResourceQuotas."""

from minik.api.types import Obj
from minik.api.validation import FieldError


def validate_resource_quota(_obj: Obj) -> list[FieldError]:
    return []


def validate_resource_quota_update(_new: Obj, _old: Obj) -> list[FieldError]:
    return []


def validate_resource_quota_status_update(_new: Obj, _old: Obj) -> list[FieldError]:
    return []
