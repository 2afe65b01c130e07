"""Warns the author of a ValidatingAdmissionPolicy of expressions that cannot work on the objects it is for.

What is found changes nothing about how the policy is applied.
https://kubernetes.io/docs/reference/access-authn-authz/validating-admission-policy/#type-checking
"""

from collections.abc import Sequence
from typing import NamedTuple

from cel_expr_python import cel

from minik.api.admission_cel import authorizer, request_types, variable_types
from minik.api.admission_cel.shape_schema import FREE
from minik.api.cel import engine
from minik.api.cel.declarations import Declarations
from minik.api.cel.engine import CelError, Types
from minik.api.cel.function import AUTHORIZER, RESOURCE_CHECK
from minik.api.types import Obj

_AUTHORIZER = ("authorizer", "authorizer.requestResource")


class CheckedKind(NamedTuple):
    """A kind the policy is for. `name` is as upstream prints it: apps/v1, Kind=Deployment."""

    name: str
    schema: Obj


def warnings(spec: Obj, kinds: Sequence[CheckedKind], params: Obj | None) -> list[Obj]:
    """status.typeChecking.expressionWarnings. `params` is the schema of the parameters; None: unknown."""
    types = [(kind.name, _types(spec, kind.schema, params, _variables(spec, kind.schema, params))) for kind in kinds]
    found: list[Obj] = []
    for index, validation in enumerate(spec.get("validations") or ()):
        for field in ("expression", "messageExpression"):
            text = _complaints(validation.get(field) or "", types)
            if text:
                found.append({"fieldRef": f"spec.validations[{index}].{field}", "warning": text})
    return found


def _variables(spec: Obj, schema: Obj, params: Obj | None) -> Obj:
    """The schema of `variables` for objects of a schema."""
    definitions = [(each.get("name", ""), each.get("expression", "")) for each in spec.get("variables") or ()]

    def result(text: str, seen: Obj) -> str:
        return engine.check(text, _types(spec, schema, params, seen)).result

    return variable_types.schema_of(definitions, result)


def _types(spec: Obj, schema: Obj, params: Obj | None, seen: Obj) -> Types:
    """`seen`: the schema of `variables`."""
    declarations = Declarations()
    declared = declarations.type_of(schema)
    variables = {"object": declared, "oldObject": declared, **request_types.declare(declarations)}
    variables |= dict(zip(_AUTHORIZER, (cel.Type(AUTHORIZER), cel.Type(RESOURCE_CHECK)), strict=True))
    variables["variables"] = declarations.type_of(seen)
    if spec.get("paramKind"):
        variables["params"] = declarations.type_of(FREE if params is None else params)
    return Types(variables, declarations.pool(), authorizer.FUNCTIONS)


def _complaints(expression: str, types: Sequence[tuple[str, Types]]) -> str:
    found = []
    for name, of in types if expression else ():
        try:
            engine.check(expression, of)
        except CelError as error:
            found.append(f"{name}: {error}\n")
    return "\n".join(found)
