"""x-kubernetes-validations: CEL rules over the values of custom resources.

Rules of a part are checked before those of what is inside it. Transition rules (those that use oldSelf) are only
checked where an old value can be matched; what other rules refuse but is as it was is only warned of (ratcheting).
https://kubernetes.io/docs/reference/using-api/cel/
"""

import logging
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from typing import Any

from minik.api.cel.budget import PER_CALL, Budget, OutOfBudget, Values
from minik.api.cel.declarations import value_of, with_type_meta
from minik.api.cel.engine import CelError, Program
from minik.api.cel.interpreter import Meter, TooExpensive
from minik.api.cel.unordered import ordinary
from minik.api.crd import rule_programs
from minik.api.crd.correlation import Correlated
from minik.api.crd.field_paths import joined
from minik.api.crd.list_types import correlated_item
from minik.api.crd.schema_validation import NOWHERE
from minik.api.patch import go_print
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
_LONGEST_MESSAGE = 5 * 1024
_NO_FURTHER = "no further validation rules will be run"
_REASONS = {
    "FieldValueForbidden": FORBIDDEN,
    "FieldValueDuplicate": DUPLICATE,
    "FieldValueRequired": REQUIRED,
}


class _Stop(Exception):
    """No rule is checked after this one."""

    def __init__(self, error: FieldError) -> None:
        self.error = error


@dataclass(frozen=True, slots=True)
class _Before:
    """The part beside what it was, or the nearest part around it that there is an old one of."""

    own: Correlated | None = None
    around: Correlated | None = None

    def unchanged(self) -> bool:
        nearest = self.own or self.around
        return nearest is not None and nearest.unchanged()

    def key(self, name: str) -> "_Before":
        if self.own is None:
            return self
        if self.around is None and name in ("apiVersion", "kind"):
            return _Before()
        return _Before(self.own.key(name), self.own)

    def index(self, index: int) -> "_Before":
        return self if self.own is None else _Before(self.own.index(index), self.own)


def with_list_types(schema: Any) -> frozenset[int]:
    """The ids of those parts of a schema that are, or hold, lists that are sets or maps."""
    found: set[int] = set()

    def look(part: Any) -> bool:
        if not isinstance(part, dict):
            return False
        below = [*(part.get("properties") or {}).values(), part.get("items"), part.get("additionalProperties")]
        typed = any([look(inner) for inner in below]) or part.get("x-kubernetes-list-type") in ("set", "map")
        if typed:
            found.add(id(part))
        return typed

    look(schema)
    return frozenset(found)


def validate(schema: Obj, new: Obj, old: Obj | None, typed: Collection[int] = ()) -> list[FieldError]:
    """The rules a whole object breaks, as far as there is budget for checking them. `typed`: see with_list_types."""
    errors: list[FieldError] = []
    before = _Before() if old is None else _Before(Correlated(new, old, schema))
    try:
        for error in _validate(schema, new, old, before, "", _Checking(Budget(), typed), is_root=True):
            errors.append(error)
    except _Stop as stop:
        errors.append(stop.error)
    return errors


def validate_part(schema: Obj, value: Any, path: str) -> list[FieldError]:
    """The rules a value that is somewhere in an object breaks (a default of a definition)."""
    errors: list[FieldError] = []
    try:
        for error in _validate(schema, value, None, _Before(), path, _Checking(Budget(), with_list_types(schema))):
            errors.append(error)
    except _Stop as stop:
        errors.append(stop.error)
    return errors


@dataclass(frozen=True, slots=True)
class _Checking:
    """What checking one object takes."""

    budget: Budget
    typed: Collection[int]


def _validate(
    schema: Obj, value: Any, old: Any, before: _Before, path: str, checking: _Checking, *, is_root: bool = False
) -> Iterator[FieldError]:
    rules = schema.get("x-kubernetes-validations")
    if rules and value is not None:
        seen = with_type_meta(schema) if is_root else schema
        yield from _checked(
            rules, _Checks(seen, value, path, checking.budget, before), old, id(schema) in checking.typed
        )
    if isinstance(value, list):
        items = schema.get("items")
        if isinstance(items, dict):
            for index, item in enumerate(value):
                matched = correlated_item(schema, item, old)
                yield from _validate(items, item, matched, before.index(index), f"{path}[{index}]", checking)
    elif isinstance(value, dict):
        was = old if isinstance(old, dict) else {}
        properties, additional = schema.get("properties") or {}, schema.get("additionalProperties")
        if isinstance(additional, dict):
            for name in sorted(value.keys() - properties.keys()):
                where = f"{path}[{name}]"
                yield from _validate(additional, value[name], was.get(name), before.key(name), where, checking)
        for name in sorted(properties.keys() & value.keys()):
            where = f"{path}.{name}" if path else name
            yield from _validate(properties[name], value[name], was.get(name), before.key(name), where, checking)


@dataclass(frozen=True, slots=True)
class _Checks:
    """The rules of one part of an object."""

    schema: Obj
    value: Any
    path: str
    budget: Budget
    before: _Before

    def result(self, program: Program, values: Values) -> Any:
        """Raises CelError, TooExpensive or OutOfBudget."""
        return self.budget.evaluate(program, values, lambda: _evaluated(program, values))

    def failed(self, detail: str) -> FieldError:
        """The rule could not be evaluated."""
        return FieldError(INVALID, self.path or NOWHERE, self.schema.get("type", ""), detail)


def _evaluated(program: Program, values: Values) -> Any:
    if not isinstance(values, _Typed):
        return program.evaluate(values.variables)
    try:
        return program.interpret(values.variables, Meter(PER_CALL))
    except CelError:  # that may be for what only the engine knows
        return program.evaluate(ordinary(values.variables))


class _Typed(Values):
    """Variables with lists that know that they are sets or maps."""


def _checked(rules: list[Obj], checks: _Checks, old: Any, typed: bool) -> Iterator[FieldError]:
    value = checks.value
    seen = value_of(value, checks.schema)
    before = None if old is None else value_of(old, checks.schema)
    for rule in rules:
        uses_old = rule_programs.uses_old_self(rule)
        if uses_old and old is None and not rule.get("optionalOldSelf"):
            continue
        values = Values(rule_programs.variables(rule, seen, before), (value, old))
        if typed and _compares_lists(rule):
            own, was = (part and value_of(part, checks.schema, lists=True) for part in (value, old))
            values = _Typed(rule_programs.variables(rule, own, was), (value, old))
        yield from _broken(rule, checks, values, uses_old)


def _compares_lists(rule: Obj) -> bool:
    try:
        return rule_programs.compares_lists(rule_programs.program(rule))
    except CelError:
        return False


def _broken(rule: Obj, checks: _Checks, values: Values, uses_old: bool) -> Iterator[FieldError]:
    text = (rule.get("message") or rule["rule"]).strip()
    try:
        if checks.result(rule_programs.program(rule), values) is True:
            return
    except OutOfBudget as error:
        raise _Stop(checks.failed(str(error))) from None
    except TooExpensive as error:
        detail = f"'{error}': {_NO_FURTHER} due to call cost exceeds limit for rule: {text}"
        raise _Stop(checks.failed(detail)) from None
    except CelError as error:
        if str(error).startswith("no such overload"):
            why = "call arguments did not match a supported operator, function or macro signature for rule"
            yield checks.failed(f"'{error}': {why}: {text}")
        else:
            yield checks.failed(f"{error} evaluating rule: {text}")
        return
    tolerated = not uses_old and checks.before.unchanged()
    where = checks.path or NOWHERE
    if rule.get("fieldPath"):
        where = (checks.path + joined(rule["fieldPath"], checks.schema)).removeprefix(".")
    try:
        message = _expressed(rule, checks, values)
    except _Stop as stop:
        raise _Stop(replace(stop.error, field=where, tolerated=tolerated)) from None
    message = message or (rule.get("message") or f"failed rule: {text}").strip()
    value = OMITTED if checks.schema.get("type") in ("object", "array") else checks.value
    reason = _REASONS.get(rule.get("reason") or "", INVALID)
    yield FieldError(reason, where, value, "" if reason == DUPLICATE else message, tolerated)


def _expressed(rule: Obj, checks: _Checks, values: Values) -> str:
    """The message of a messageExpression; "" when there is none that can be shown."""
    expression = rule.get("messageExpression")
    if not expression or rule_programs.message_fails(rule):
        return ""
    try:
        text = checks.result(rule_programs.message_program(rule), values)
    except OutOfBudget:
        detail = f"messageExpression evaluation failed due to running out of cost budget, {_NO_FURTHER}"
        raise _Stop(checks.failed(detail)) from None
    except TooExpensive:
        shown = go_print.quoted(expression)
        detail = f"{_NO_FURTHER} due to call cost exceeds limit for messageExpression: {shown}"
        raise _Stop(checks.failed(detail)) from None
    except CelError as error:
        log.debug("messageExpression %r: %s", expression, error)
        return ""
    text = text.strip() if isinstance(text, str) else ""
    return "" if "\n" in text or len(text.encode()) > _LONGEST_MESSAGE else text
