"""Validation of CEL rules in a definition: they compile, give booleans, and use oldSelf only where there can be one.

Upstream: apiextensions-apiserver's schema/cel compilation and its callers in validation.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from typing import Any

from cel_expr_python import cel

from minik.api.cel import complaints, literal_checks
from minik.api.cel.declarations import Declarations, is_known, with_type_meta
from minik.api.cel.declared_sizes import Declared, declared
from minik.api.cel.engine import CelError, Program, Types, check
from minik.api.crd import go_form, rule_programs
from minik.api.crd.rule_costs import Costs
from minik.api.types import Obj
from minik.api.validation import INTERNAL, FieldError, invalid_value


def compile_errors(schema: Obj, path: str, wrong: Collection[str] = ()) -> list[FieldError]:
    """`wrong`: the paths of what else is wrong with the schema; rules over that are left alone."""
    costs = Costs()
    errors = list(_walk(schema, path, _Place(costs, wrong), is_root=True))
    return errors + costs.whole(path)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where in a schema we are. `times`: how many values of this part an object can have, None for no limit.
    `uncorrelatable`: the list whose items no old ones can be matched with.
    """

    costs: Costs
    wrong: Collection[str] = ()
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
    if rules and not any(field.startswith(path) for field in place.wrong):
        if not is_known(schema):
            text = "unable to convert structural schema to CEL declarations"
            detail = f"internal error: failed to construct type information for x-kubernetes-validations rules: {text}"
            yield FieldError(INTERNAL, f"{path}.x-kubernetes-validations", None, detail)
            return
        whole = with_type_meta(schema) if is_root else schema
        declarations = Declarations()
        own = declarations.type_of(whole)
        part = _Part(own, declarations.pool(), declared(whole), place)
        for index, rule in enumerate(rules):
            yield from _rule(rule, part, f"{path}.x-kubernetes-validations[{index}]")


@dataclass(frozen=True, slots=True)
class _Part:
    """A schema with rules: its type, the pool the type is in, and its limits."""

    type: Any
    pool: Any
    limits: Declared | None
    place: _Place


def _rule(rule: Obj, part: _Part, path: str) -> Iterator[FieldError]:
    optional = rule_programs.is_optional(rule)
    old = (rule_programs.OLD, cel.Type.List(part.type)) if optional else ("oldSelf", part.type)
    types = Types({"self": part.type, old[0]: old[1]}, part.pool)
    place, where = part.place, f"{path}.rule"
    try:
        program = _checked(rule, rule["rule"], types)
    except CelError as error:
        yield invalid_value(where, go_form.rule(rule), f"compilation failed: {error}")
        yield from _unused(rule, path)
        return
    if program.result != "BOOL":
        yield invalid_value(where, go_form.rule(rule), "cel expression must evaluate to a bool")
        yield from _unused(rule, path)
        return
    if pattern := literal_checks.unusable_pattern(program.checked()):
        yield invalid_value(where, go_form.rule(rule), f"program instantiation failed: {pattern}")
        yield from _unused(rule, path)
        return
    yield from place.costs.rule(program.checked(), part.limits, place.times, where)
    yield from _message(rule, part, types, f"{path}.messageExpression")
    uses_old = rule_programs.uses_old_self(rule)
    if uses_old and place.uncorrelatable:
        text = f"oldSelf cannot be used on the uncorrelatable portion of the schema within {place.uncorrelatable}"
        yield invalid_value(where, rule["rule"], text)
    elif not uses_old:
        yield from _unused(rule, path)


def _unused(rule: Obj, path: str) -> Iterator[FieldError]:
    """Of a rule that does not use oldSelf, or not so that it could be seen."""
    if rule.get("optionalOldSelf") is not None:
        text = "may not be set if oldSelf is not used in rule"
        yield invalid_value(f"{path}.optionalOldSelf", rule["optionalOldSelf"], text)


def _message(rule: Obj, part: _Part, types: Types, path: str) -> Iterator[FieldError]:
    expression = rule.get("messageExpression")
    if not expression:
        return
    try:
        program = _checked(rule, expression, types)
    except CelError as error:
        yield invalid_value(path, go_form.rule(rule), f"messageExpression compilation failed: {error}")
        return
    if program.result != "STRING":
        yield invalid_value(path, go_form.rule(rule), "messageExpression must evaluate to a string")
        return
    if pattern := literal_checks.unusable_pattern(program.checked()):
        yield invalid_value(path, go_form.rule(rule), f"messageExpression instantiation failed: {pattern}")
        return
    yield from part.place.costs.message(program.checked(), part.limits, path)


def _checked(rule: Obj, expression: str, types: Types) -> Program:
    """Raises CelError, with positions in the expression as it was written."""
    whole = rule_programs.wrapped(rule, expression)
    try:
        return check(whole, types, expression)
    except CelError as error:
        shift = rule_programs.shift(rule, expression)
        if not shift:
            raise
        raise CelError(complaints.without_prefix(str(error), shift, expression)) from None
