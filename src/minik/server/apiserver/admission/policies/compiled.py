"""A policy's expressions, and how the parts of a policy see each other's results.

Match conditions come first and know no variables; variables are computed anew for every evaluation, because a mutation
changes what they see.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from minik.api.admission_cel.scope import Scope
from minik.api.types import Obj
from minik.server.apiserver.admission.conditions import Conditions
from minik.server.apiserver.admission.expressions import Bindings, Expression, ExpressionError
from minik.server.apiserver.admission.policies.configuration import Policy

_MISSING = re.compile(r"no such key: (\w+)$")


@dataclass(frozen=True, slots=True)
class Validation:
    """One rule. `message_expression` is None when there is none; `reason` "" when none is given."""

    expression: Expression
    message: str
    message_expression: Expression | None
    reason: str


@dataclass(frozen=True, slots=True)
class Mutation:
    """`json_patch`: the expression yields operations; otherwise a partial object."""

    expression: Expression
    json_patch: bool


@dataclass(frozen=True, slots=True)
class CompiledPolicy:
    """All expressions of one policy, in its order."""

    conditions: Conditions
    variables: Sequence[tuple[str, Expression]]
    validations: Sequence[Validation]
    annotations: Sequence[tuple[str, Expression]]
    mutations: Sequence[Mutation]

    def evaluate(self, expression: Expression, bindings: Bindings) -> Any:
        """With the policy's variables. Raises ExpressionError."""
        if not self.variables:
            return expression.evaluate(bindings)
        values, failures = self._variables(bindings)
        return _evaluate(expression, bindings.with_variables(values), failures)

    def _variables(self, bindings: Bindings) -> tuple[dict[str, Any], dict[str, str]]:
        """The variables' values, and why the others have none. A failure only matters to who uses the variable."""
        values: dict[str, Any] = {}
        failures: dict[str, str] = {}
        for name, expression in self.variables:
            try:
                values[name] = _evaluate(expression, bindings.with_variables(values), failures)
            except ExpressionError as error:
                failures[name] = str(error)
        return values, failures


def _evaluate(expression: Expression, bindings: Bindings, failures: Mapping[str, str]) -> Any:
    try:
        return expression.evaluate(bindings)
    except ExpressionError as error:
        missing = _MISSING.search(str(error))
        if missing is None or missing[1] not in failures or f"variables.{missing[1]}" not in expression.text:
            raise
        cause = f'composited variable "{missing[1]}" fails to evaluate: {failures[missing[1]]}'
        raise ExpressionError(f"expression '{expression.text}' resulted in error: {cause}") from None


def compiled(policy: Policy) -> CompiledPolicy:
    """Made once per policy."""
    found = policy.state.get("compiled")
    if not isinstance(found, CompiledPolicy):
        found = policy.state["compiled"] = _compile(policy.spec)
    return found


def _compile(spec: Obj) -> CompiledPolicy:
    params = bool(spec.get("paramKind"))
    bare = Scope(params=params, authorizer=True)
    variables: list[tuple[str, Expression]] = []
    for variable in spec.get("variables") or ():
        scope = Scope(params=params, authorizer=True, variables=tuple(name for name, _ in variables))
        variables.append((variable["name"], Expression(variable["expression"], scope)))
    names = tuple(name for name, _ in variables)
    full = Scope(params=params, authorizer=True, variables=names)
    literal = Scope(params=params, authorizer=True, variables=names, literals=True)
    quiet = Scope(params=params, authorizer=False, variables=names)
    return CompiledPolicy(
        conditions=Conditions(spec.get("matchConditions") or (), bare, ignore=spec.get("failurePolicy") == "Ignore"),
        variables=variables,
        validations=[_validation(rule, full, quiet) for rule in spec.get("validations") or ()],
        annotations=[
            (annotation["key"], Expression(annotation["valueExpression"], full))
            for annotation in spec.get("auditAnnotations") or ()
        ],
        mutations=[_mutation(mutation, literal) for mutation in spec.get("mutations") or ()],
    )


def _validation(rule: Obj, scope: Scope, message_scope: Scope) -> Validation:
    text = rule.get("messageExpression")
    return Validation(
        expression=Expression(rule["expression"], scope),
        message=rule.get("message") or "",
        message_expression=Expression(text, message_scope) if text else None,
        reason=rule.get("reason") or "",
    )


def _mutation(mutation: Obj, scope: Scope) -> Mutation:
    json_patch = mutation.get("patchType") == "JSONPatch"
    source = mutation.get("jsonPatch" if json_patch else "applyConfiguration") or {}
    return Mutation(Expression(source.get("expression", ""), scope), json_patch)
