"""Validation of CEL rules in a definition: they compile, give booleans, and use oldSelf only where there can be one.

Upstream: apiextensions-apiserver's schema/cel compilation and its callers in validation.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from cel_expr_python import cel

from minik.api.cel.declarations import Declarations, with_type_meta
from minik.api.cel.engine import CelError, Types, check
from minik.api.crd import go_form, rule_programs
from minik.api.crd.rule_costs import Costs
from minik.api.types import Obj
from minik.api.validation import FieldError, invalid_value

_POSITION = re.compile(r"(ERROR: <input>:1:)(\d+)(: )")


def compile_errors(schema: Obj, path: str) -> list[FieldError]:
    costs = Costs()
    errors = list(_walk(schema, path, _Place(costs), is_root=True))
    return errors + costs.whole(path)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where in a schema we are. `times`: how many values of this part an object can have, None for no limit.
    `uncorrelatable`: the list whose items no old ones can be matched with.
    """

    costs: Costs
    times: int | None = 1
    uncorrelatable: str = ""

    def within(self, most: int | None, uncorrelatable: str = "") -> "_Place":
        times = None if most is None or self.times is None else self.times * most
        return replace(self, times=times, uncorrelatable=self.uncorrelatable or uncorrelatable)


def _walk(schema: Obj, path: str, place: _Place, *, is_root: bool = False) -> Iterator[FieldError]:
    """What is inside comes before what holds it, as in upstream."""
    additional, items = schema.get("additionalProperties"), schema.get("items")
    if isinstance(additional, dict):
        yield from _walk(additional, f"{path}.additionalProperties", place.within(schema.get("maxProperties")))
    for name in sorted(schema.get("properties") or {}):
        part = schema["properties"][name]
        yield from _walk(part, f"{path}.properties[{name}]", place)
    if isinstance(items, dict):
        lost = "" if schema.get("x-kubernetes-list-type") == "map" else path
        yield from _walk(items, f"{path}.items", place.within(schema.get("maxItems"), lost))
    rules = schema.get("x-kubernetes-validations") or ()
    if rules:
        declarations = Declarations()
        whole = with_type_meta(schema) if is_root else schema
        own = declarations.type_of(whole)
        pool = declarations.pool()
        for index, rule in enumerate(rules):
            where = f"{path}.x-kubernetes-validations[{index}]"
            complaints = list(_rule(rule, own, pool, where, place.uncorrelatable))
            yield from _cost(rule, whole, place, where)
            yield from complaints


def _cost(rule: Obj, schema: Obj, place: _Place, path: str) -> list[FieldError]:
    try:
        program = rule_programs.program(rule)
    except CelError:
        return []  # has been complained about
    return place.costs.rule(program, rule, schema, place.times, f"{path}.rule")


def _rule(rule: Obj, own: Any, pool: Any, path: str, uncorrelatable: str) -> Iterator[FieldError]:
    optional = rule_programs.is_optional(rule)
    old = (rule_programs.OLD, cel.Type.List(own)) if optional else ("oldSelf", own)
    types = Types({"self": own, old[0]: old[1]}, pool)
    uses_old = rule_programs.uses_old_self(rule)
    try:
        if _checked(rule, rule["rule"], types) not in ("BOOL", "DYN"):
            yield invalid_value(f"{path}.rule", go_form.rule(rule), "cel expression must evaluate to a bool")
            return
    except CelError as error:
        yield invalid_value(f"{path}.rule", go_form.rule(rule), f"compilation failed: {error}")
        return
    yield from _message(rule, types, f"{path}.messageExpression")
    if uses_old and uncorrelatable:
        text = f"oldSelf cannot be used on the uncorrelatable portion of the schema within {uncorrelatable}"
        yield invalid_value(f"{path}.rule", rule["rule"], text)
    elif not uses_old and rule.get("optionalOldSelf") is not None:
        text = "may not be set if oldSelf is not used in rule"
        yield invalid_value(f"{path}.optionalOldSelf", rule["optionalOldSelf"], text)


def _message(rule: Obj, types: Types, path: str) -> Iterator[FieldError]:
    expression = rule.get("messageExpression")
    if not expression:
        return
    try:
        if _checked(rule, expression, types) not in ("STRING", "DYN"):
            text = "messageExpression must evaluate to a string"
            yield invalid_value(path, go_form.rule(rule), text)
    except CelError as error:
        text = f"messageExpression compilation failed: {error}"
        yield invalid_value(path, go_form.rule(rule), text)


def _checked(rule: Obj, expression: str, types: Types) -> str:
    """The type of an expression. Raises CelError, with positions in the expression as it was written."""
    try:
        return check(rule_programs.wrapped(rule, expression), types)
    except CelError as error:
        shift = rule_programs.shift(rule, expression)
        if not shift:
            raise
        text = _POSITION.sub(lambda match: f"{match[1]}{max(1, int(match[2]) - shift)}{match[3]}", str(error))
        raise CelError(text) from None
