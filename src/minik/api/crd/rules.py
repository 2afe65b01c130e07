"""x-kubernetes-validations: CEL rules over the values of custom resources.

Rules of a part are checked before those of what is inside it. Transition rules (those that use oldSelf) are only
checked where an old value can be matched. https://kubernetes.io/docs/reference/using-api/cel/
"""

import logging
from collections.abc import Iterator
from typing import Any

from minik.api.cel.declarations import value_of, with_type_meta
from minik.api.cel.engine import CelError, Program
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


def validate(schema: Obj, new: Obj, old: Obj | None) -> list[FieldError]:
    """The rules a whole object breaks."""
    return list(_validate(with_type_meta(schema), new, old, ""))


def _validate(schema: Obj, value: Any, old: Any, path: str) -> Iterator[FieldError]:
    rules = schema.get("x-kubernetes-validations")
    if rules and value is not None:
        yield from _checked(rules, schema, value, old, path)
    if isinstance(value, list):
        items = schema.get("items")
        if isinstance(items, dict):
            for index, item in enumerate(value):
                yield from _validate(items, item, correlated_item(schema, item, old), f"{path}[{index}]")
    elif isinstance(value, dict):
        before = old if isinstance(old, dict) else {}
        properties, additional = schema.get("properties") or {}, schema.get("additionalProperties")
        if isinstance(additional, dict):
            for name in sorted(value.keys() - properties.keys()):
                yield from _validate(additional, value[name], before.get(name), f"{path}[{name}]")
        for name in sorted(properties.keys() & value.keys()):
            where = f"{path}.{name}" if path else name
            yield from _validate(properties[name], value[name], before.get(name), where)


def _checked(rules: list[Obj], schema: Obj, value: Any, old: Any, path: str) -> Iterator[FieldError]:
    seen = value_of(value, schema)
    before = None if old is None else value_of(old, schema)
    unchanged = old is not None and old == value
    for rule in rules:
        uses_old = rule_programs.uses_old_self(rule)
        if not uses_old and unchanged:
            continue  # what was accepted before is not refused now
        if uses_old and old is None and not rule.get("optionalOldSelf"):
            continue
        variables = rule_programs.variables(rule, seen, before)
        error = _broken(rule, schema, value, variables, path)
        if error is not None:
            yield error


def _broken(rule: Obj, schema: Obj, value: Any, variables: Obj, path: str) -> FieldError | None:
    where = path or "<nil>"
    text = rule.get("message") or rule["rule"]
    kind = schema.get("type", "")
    try:
        if rule_programs.program(rule).evaluate(variables) is True:
            return None
    except CelError as error:
        if str(error).startswith("no such overload"):
            detail = (
                f"'{error}': call arguments did not match a supported operator, function or macro signature for "
                f"rule: {text.strip()}"
            )
            return FieldError(INVALID, where, kind, detail)
        return FieldError(INVALID, where, kind, f"{error} evaluating rule: {text.strip()}")
    if rule.get("fieldPath"):
        where = (path + joined(rule["fieldPath"], schema)).removeprefix(".")
    message = _expressed(rule, variables) or (rule.get("message") or f"failed rule: {rule['rule'].strip()}").strip()
    reason = _REASONS.get(rule.get("reason") or "", INVALID)
    if reason == DUPLICATE:
        return FieldError(DUPLICATE, where, OMITTED if isinstance(value, dict | list) else value)
    return FieldError(reason, where, OMITTED if isinstance(value, dict | list) else value, message)


def _expressed(rule: Obj, variables: Obj) -> str:
    """The message of a messageExpression; "" when there is none that can be shown."""
    expression = rule.get("messageExpression")
    if not expression:
        return ""
    try:
        program: Program = rule_programs.message_program(rule)
        text = program.evaluate(variables)
    except CelError as error:
        log.debug("messageExpression %r: %s", expression, error)
        return ""
    if not isinstance(text, str) or "\n" in text or "\r" in text:
        return ""
    return text.strip()
