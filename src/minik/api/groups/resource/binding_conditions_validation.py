"""Conditions that have to hold before a Pod is bound to a device's node, and those that end the wait (KEP-5007)."""

from collections.abc import Sequence

from minik.api.groups.resource.device_names import validate_list
from minik.api.label_selector_validation import validate_label_name
from minik.api.types import Obj
from minik.api.validation import FieldError, duplicate, invalid_value

_MAX = 4
_WANTED, _FAILED = "bindingConditions", "bindingFailureConditions"


def _repeated(conditions: Sequence[str], path: str) -> list[FieldError]:
    return [duplicate(f"{path}[{index}]", each) for index, each in enumerate(conditions) if each in conditions[:index]]


def validate_binding_conditions(holder: Obj, path: str) -> list[FieldError]:
    wanted, failed = holder.get(_WANTED) or [], holder.get(_FAILED) or []
    errors = validate_list(wanted, _MAX, validate_label_name, f"{path}.{_WANTED}")
    errors += validate_list(failed, _MAX, validate_label_name, f"{path}.{_FAILED}")
    errors += _repeated(wanted, f"{path}.{_WANTED}")
    for index, each in enumerate(failed):
        at = f"{path}.{_FAILED}[{index}]"
        if each in failed[:index]:
            errors.append(duplicate(at, each))
        if each in wanted:
            errors.append(invalid_value(at, each, f"{_FAILED} must not overlap with {_WANTED}"))
    if failed and not wanted:
        errors.append(invalid_value(f"{path}.{_WANTED}", None, f"{_WANTED} are required to use {_FAILED}"))
    if wanted and not failed:
        errors.append(invalid_value(f"{path}.{_FAILED}", None, f"{_FAILED} are required to use {_WANTED}"))
    return errors
