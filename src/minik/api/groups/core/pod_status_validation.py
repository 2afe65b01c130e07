"""Validation of pod statuses."""

from minik.api.types import Obj
from minik.api.validation import FieldError


def validate_pod_status_update(_new: Obj, _old: Obj) -> list[FieldError]:
    return []
