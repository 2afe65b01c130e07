"""A policy's expressions. Match conditions come first and know no variables; the others do."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from minik.api.types import Obj
from minik.server.apiserver.admission.conditions import Conditions
from minik.server.apiserver.admission.expressions import Expression
from minik.server.apiserver.admission.policies.configuration import Policy


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
    validations: Sequence[Validation]
    annotations: Sequence[tuple[str, Expression]]
    mutations: Sequence[Mutation]


def compiled(policy: Policy) -> CompiledPolicy:
    """Made once per policy."""
    found = policy.state.get("compiled")
    if not isinstance(found, CompiledPolicy):
        found = policy.state["compiled"] = _compile(policy.spec)
    return found


def _compile(spec: Obj) -> CompiledPolicy:
    variables = {variable["name"]: variable["expression"] for variable in spec.get("variables") or ()}
    return CompiledPolicy(
        conditions=Conditions(spec.get("matchConditions") or (), ignore=spec.get("failurePolicy") == "Ignore"),
        validations=[_validation(rule, variables) for rule in spec.get("validations") or ()],
        annotations=[
            (annotation["key"], Expression(annotation["valueExpression"], variables))
            for annotation in spec.get("auditAnnotations") or ()
        ],
        mutations=[_mutation(mutation, variables) for mutation in spec.get("mutations") or ()],
    )


def _validation(rule: Obj, variables: Mapping[str, str]) -> Validation:
    text = rule.get("messageExpression")
    return Validation(
        expression=Expression(rule["expression"], variables),
        message=rule.get("message") or "",
        message_expression=Expression(text, variables) if text else None,
        reason=rule.get("reason") or "",
    )


def _mutation(mutation: Obj, variables: Mapping[str, str]) -> Mutation:
    json_patch = mutation.get("patchType") == "JSONPatch"
    source = mutation.get("jsonPatch" if json_patch else "applyConfiguration") or {}
    return Mutation(Expression(source.get("expression", ""), variables), json_patch)
