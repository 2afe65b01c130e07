"""Complaints about labels and label selectors inside objects (meta/v1 LabelSelector).

Rules: https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/
"""

from collections.abc import Mapping, Sequence
from typing import Any

from minik.api import names
from minik.api.types import Obj
from minik.api.validation import FieldError, forbidden, invalid_value, required


def validate_label_name(name: str, path: str) -> list[FieldError]:
    return [invalid_value(path, name, text) for text in names.qualified_name(name)]


def validate_labels(labels: Mapping[str, Any] | None, path: str) -> list[FieldError]:
    """Keys are qualified names, values label values. Errors carry the map's path, as upstream's do."""
    errors: list[FieldError] = []
    for key, value in (labels or {}).items():
        errors += validate_label_name(key, path)
        errors += [invalid_value(path, value, text) for text in names.label_value(value)]
    return errors


def _validate_values(operator: str, values: Sequence[str], path: str) -> list[FieldError]:
    if operator in ("In", "NotIn"):
        if not values:
            return [required(f"{path}.values", "must be specified when `operator` is 'In' or 'NotIn'")]
    elif operator in ("Exists", "DoesNotExist"):
        if values:
            text = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"
            return [forbidden(f"{path}.values", text)]
    else:
        return [invalid_value(f"{path}.operator", operator, "not a valid selector operator")]
    return []


def validate_label_selector(selector: Obj | None, path: str, *, allow_invalid_values: bool = False) -> list[FieldError]:
    """`allow_invalid_values`: the stored object already had such values, so they stay legal."""
    if selector is None:
        return []
    errors = validate_labels(selector.get("matchLabels"), f"{path}.matchLabels")
    for index, expression in enumerate(selector.get("matchExpressions") or ()):
        at = f"{path}.matchExpressions[{index}]"
        values = expression.get("values") or []
        errors += _validate_values(expression.get("operator", ""), values, at)
        errors += validate_label_name(expression.get("key", ""), f"{at}.key")
        if not allow_invalid_values:
            for position, value in enumerate(values):
                errors += [invalid_value(f"{at}.values[{position}]", value, text) for text in names.label_value(value)]
    return errors
