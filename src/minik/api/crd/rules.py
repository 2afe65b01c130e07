"""x-kubernetes-validations: CEL rules over the values of custom resources.

Rules of a part are checked before those of what is inside it. Transition rules (those that use oldSelf) are only
checked where an old value can be matched. https://kubernetes.io/docs/reference/using-api/cel/
"""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from minik.api.cel.budget import Budget, OutOfBudget, Values
from minik.api.cel.declarations import value_of, with_type_meta
from minik.api.cel.engine import CelError, Program
from minik.api.cel.interpreter import TooExpensive
from minik.api.crd import rule_programs
from minik.api.crd.field_paths import joined
from minik.api.crd.list_types import correlated_item
from minik.api.types import Obj
from minik.api.validation import (
    DUPLICATE,
    FORBIDDEN,
    INVALID,
    OMITTED,
    REQUIRED,
    FieldError,
)

log = logging.getLogger("minik.crd")
_REASONS = {
    "FieldValueForbidden": FORBIDDEN,
    "FieldValueDuplicate": DUPLICATE,
    "FieldValueRequired": REQUIRED,
}


class _Stop(Exception):
    """No rule is checked after this one."""

    def __init__(self, error: FieldError) -> None:
        self.error = error


def validate(schema: Obj, new: Obj, old: Obj | None) -> list[FieldError]:
    """The rules a whole object breaks, as far as there is budget for checking them."""
    errors: list[FieldError] = []
    try:
        for error in _validate(with_type_meta(schema), new, old, "", Budget()):
            errors.append(error)
    except _Stop as stop:
        errors.append(stop.error)
    return errors


def _validate(schema: Obj, value: Any, old: Any, path: str, budget: Budget) -> Iterator[FieldError]:
    rules = schema.get("x-kubernetes-validations")
    if rules and value is not None:
        yield from _checked(rules, schema, value, old, path, budget)
    if isinstance(value, list):
        items = schema.get("items")
        if isinstance(items, dict):
            for index, item in enumerate(value):
                yield from _validate(items, item, correlated_item(schema, item, old), f"{path}[{index}]", budget)
    elif isinstance(value, dict):
        before = old if isinstance(old, dict) else {}
        properties, additional = schema.get("properties") or {}, schema.get("additionalProperties")
        if isinstance(additional, dict):
            for name in sorted(value.keys() - properties.keys()):
                yield from _validate(additional, value[name], before.get(name), f"{path}[{name}]", budget)
        for name in sorted(properties.keys() & value.keys()):
            where = f"{path}.{name}" if path else name
            yield from _validate(properties[name], value[name], before.get(name), where, budget)


@dataclass(frozen=True, slots=True)
class _Checks:
    """The rules of one part of an object."""

    schema: Obj
    value: Any
    path: str
    budget: Budget

    def result(self, program: Program, values: Values) -> Any:
        """Raises CelError, TooExpensive or OutOfBudget."""
        return self.budget.evaluate(program, values, lambda: program.evaluate(values.variables))


def _checked(rules: list[Obj], schema: Obj, value: Any, old: Any, path: str, budget: Budget) -> Iterator[FieldError]:
    checks = _Checks(schema, value, path, budget)
    seen = value_of(value, schema)
    before = None if old is None else value_of(old, schema)
    unchanged = old is not None and old == value
    for rule in rules:
        uses_old = rule_programs.uses_old_self(rule)
        if not uses_old and unchanged:
            continue  # what was accepted before is not refused now
        if uses_old and old is None and not rule.get("optionalOldSelf"):
            continue
        error = _broken(rule, checks, Values(rule_programs.variables(rule, seen, before), (value, old)))
        if error is not None:
            yield error


def _broken(rule: Obj, checks: _Checks, values: Values) -> FieldError | None:
    value, schema, where = checks.value, checks.schema, checks.path or "<nil>"
    text = rule.get("message") or rule["rule"]
    kind = schema.get("type", "")
    try:
        if checks.result(rule_programs.program(rule), values) is True:
            return None
    except OutOfBudget as error:
        raise _Stop(FieldError(INVALID, where, kind, str(error))) from None
    except TooExpensive as error:
        detail = f"'{error}': no further validation rules will be run due to call cost exceeds limit for rule"
        raise _Stop(FieldError(INVALID, where, kind, f"{detail}: {text.strip()}")) from None
    except CelError as error:
        if str(error).startswith("no such overload"):
            detail = (
                f"'{error}': call arguments did not match a supported operator, function or macro signature for "
                f"rule: {text.strip()}"
            )
            return FieldError(INVALID, where, kind, detail)
        return FieldError(INVALID, where, kind, f"{error} evaluating rule: {text.strip()}")
    if rule.get("fieldPath"):
        where = (checks.path + joined(rule["fieldPath"], schema)).removeprefix(".")
    message = (
        _expressed(rule, checks, values) or (rule.get("message") or f"failed rule: {rule['rule'].strip()}").strip()
    )
    reason = _REASONS.get(rule.get("reason") or "", INVALID)
    if reason == DUPLICATE:
        return FieldError(DUPLICATE, where, OMITTED if isinstance(value, dict | list) else value)
    return FieldError(reason, where, OMITTED if isinstance(value, dict | list) else value, message)


def _expressed(rule: Obj, checks: _Checks, values: Values) -> str:
    """The message of a messageExpression; "" when there is none that can be shown."""
    expression = rule.get("messageExpression")
    if not expression:
        return ""
    try:
        text = checks.result(rule_programs.message_program(rule), values)
    except OutOfBudget:
        detail = "messageExpression evaluation failed due to running out of cost budget"
        raise _Stop(FieldError(INVALID, checks.path or "<nil>", checks.schema.get("type", ""), detail)) from None
    except (CelError, TooExpensive) as error:
        log.debug("messageExpression %r: %s", expression, error)
        return ""
    if not isinstance(text, str) or "\n" in text or "\r" in text:
        return ""
    return text.strip()
