"""Validation of the fields of x-kubernetes-validations that need no CEL: messages, reasons and paths."""

from collections.abc import Sequence

from minik.api.crd.field_paths import FieldPathError, follow
from minik.api.types import Obj
from minik.api.validation import FieldError, invalid_value, not_supported, required

REASONS = ("FieldValueDuplicate", "FieldValueForbidden", "FieldValueInvalid", "FieldValueRequired")


def rule_errors(rules: Sequence[Obj], schema: Obj, path: str) -> list[FieldError]:
    errors: list[FieldError] = []
    for index, rule in enumerate(rules):
        errors += _one(rule, schema, f"{path}.x-kubernetes-validations[{index}]")
    return errors


def _has_line_breaks(text: str) -> bool:
    return "\n" in text or "\r" in text


def _one(rule: Obj, schema: Obj, path: str) -> list[FieldError]:
    errors: list[FieldError] = []
    text, message = rule.get("rule", ""), rule.get("message", "")
    if not text.strip():
        errors.append(required(f"{path}.rule", "rule is not specified"))
    elif message and not message.strip():
        errors.append(invalid_value(f"{path}.message", message, "must be non-empty if specified"))
    elif _has_line_breaks(message.strip()):
        errors.append(invalid_value(f"{path}.message", message, "must not contain line breaks"))
    elif _has_line_breaks(text.strip()) and not message.strip():
        errors.append(required(f"{path}.message", "message must be specified if rule contains line breaks"))
    expression = rule.get("messageExpression", "")
    if expression and not expression.strip():
        errors.append(required(f"{path}.messageExpression", "messageExpression must be non-empty if specified"))
    reason = rule.get("reason")
    if reason is not None and reason not in REASONS:
        errors.append(not_supported(f"{path}.reason", reason, REASONS))
    return errors + _field_path(rule.get("fieldPath", ""), schema, f"{path}.fieldPath")


def _field_path(given: str, schema: Obj, path: str) -> list[FieldError]:
    if not given:
        return []
    errors: list[FieldError] = []
    if not given.strip():
        errors.append(invalid_value(path, given, "must be non-empty if specified"))
    if _has_line_breaks(given):
        errors.append(invalid_value(path, given, "must not contain line breaks"))
    try:
        follow(given, schema)
    except FieldPathError:
        errors.append(invalid_value(path, given, "must be a valid path"))
    return errors
