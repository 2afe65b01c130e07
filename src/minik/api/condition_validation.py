"""Validation of metav1.Conditions in a status.

Rules: https://github.com/kubernetes/community/blob/master/contributors/devel/sig-architecture/api-conventions.md#typical-status-properties
"""

import re
from collections.abc import Sequence

from minik.api import names
from minik.api.label_selector_validation import validate_label_name
from minik.api.types import Obj
from minik.api.validation import FieldError, duplicate, invalid_value, not_supported, required, too_long

_STATUSES = ("False", "True", "Unknown")
_REASON = "[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?"
_REASON_TEXT = (
    "a condition reason must start with alphabetic character, optionally followed by a string of alphanumeric "
    "characters or '_,:', and must end with an alphanumeric character or '_'"
)
_REASON_EXAMPLES = ("my_name", "MY_NAME", "MyName", "ReasonA,ReasonB", "ReasonA:ReasonB")
_REASON_MAX, _MESSAGE_MAX = 1024, 32 * 1024


def _validate_condition(condition: Obj, path: str) -> list[FieldError]:
    errors = validate_label_name(condition.get("type", ""), f"{path}.type")
    if condition.get("status") not in _STATUSES:
        errors.append(not_supported(f"{path}.status", condition.get("status", ""), _STATUSES))
    generation, reason = condition.get("observedGeneration", 0), condition.get("reason", "")
    if generation < 0:
        text = "must be greater than or equal to zero"
        errors.append(invalid_value(f"{path}.observedGeneration", generation, text))
    if not condition.get("lastTransitionTime"):
        errors.append(required(f"{path}.lastTransitionTime", "must be set"))
    if not reason:
        errors.append(required(f"{path}.reason", "must be set"))
    elif not re.fullmatch(_REASON, reason):
        text = names.regex_error(_REASON_TEXT, _REASON, *_REASON_EXAMPLES)
        errors.append(invalid_value(f"{path}.reason", reason, text))
    if len(reason) > _REASON_MAX:
        errors.append(too_long(f"{path}.reason", _REASON_MAX))
    if len(condition.get("message", "")) > _MESSAGE_MAX:
        errors.append(too_long(f"{path}.message", _MESSAGE_MAX))
    return errors


def validate_conditions(conditions: Sequence[Obj] | None, path: str) -> list[FieldError]:
    errors: list[FieldError] = []
    seen: set[str] = set()
    for index, condition in enumerate(conditions or ()):
        kind = condition.get("type", "")
        if kind in seen:
            errors.append(duplicate(f"{path}[{index}].type", kind))
        seen.add(kind)
        errors += _validate_condition(condition, f"{path}[{index}]")
    return errors
