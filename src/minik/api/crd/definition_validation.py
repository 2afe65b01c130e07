"""Validation of CustomResourceDefinitions themselves."""

from minik.api.types import Obj
from minik.api.validation import FieldError


def validate_definition(obj: Obj) -> list[FieldError]:
    return []


def validate_definition_update(new: Obj, old: Obj) -> list[FieldError]:
    return []


def validate_definition_status(new: Obj) -> list[FieldError]:
    return []
