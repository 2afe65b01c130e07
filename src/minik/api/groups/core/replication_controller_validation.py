"""Validation of ReplicationControllers."""

from minik.api.types import Obj
from minik.api.validation import FieldError


def validate_replication_controller(_obj: Obj) -> list[FieldError]:
    return []


def validate_replication_controller_update(_new: Obj, _old: Obj) -> list[FieldError]:
    return []


def validate_replication_controller_status_update(_new: Obj, _old: Obj) -> list[FieldError]:
    return []
