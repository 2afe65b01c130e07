"""Validation of pod templates."""

from minik.api.types import Obj
from minik.api.validation import FieldError


def validate_pod_template(_template: Obj, _path: str, *, old: Obj | None = None) -> list[FieldError]:
    del old
    return []
