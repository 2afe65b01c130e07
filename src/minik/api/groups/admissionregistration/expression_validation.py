"""Holds the CEL expressions of policies and match conditions to their variables and result types.

The engine is loaded when the first expression has to be checked.
"""

from collections.abc import Sequence

from minik.api.admission_cel.scope import Scope
from minik.api.types import Obj
from minik.api.validation import FieldError, invalid_value

BOOL, STRING, TEXT_OR_NULL = ("bool",), ("string",), ("string", "null_type")
ANY: tuple[str, ...] = ()
WEBHOOK_SCOPE = Scope(params=False, authorizer=True)


def policy_scope(spec: Obj) -> Scope:
    """What match conditions of a policy may mention."""
    return Scope(params=spec.get("paramKind") is not None, authorizer=True)


def validate_expression(text: str, path: str, scope: Scope, results: Sequence[str]) -> list[FieldError]:
    """`results` are cel-go's names of the types it may yield; none: any."""
    from minik.api.admission_cel import environment

    problem = environment.complaint(text, scope, results)
    return [invalid_value(path, text, problem)] if problem else []


def validate_mutation_expression(text: str, path: str, scope: Scope, *, json_patch: bool) -> list[FieldError]:
    """Must yield an Object or a list of JSONPatch operations, whose literals are dynamic to the engine."""
    from minik.api.admission_cel import environment
    from minik.api.cel.engine import CelError

    try:
        program = environment.checked_expression(text, scope)
    except CelError as error:
        return [invalid_value(path, text, f"compilation failed: {error}")]
    wanted = "list(JSONPatch)" if json_patch else "Object"
    result = environment.literal_name(program) or environment.type_name(program.result)
    known = result not in ("dyn", "list(dyn)") or environment.literal_name(program)
    if result == wanted or not known or (json_patch and result in ("list(dyn)", "list(map(string, dyn))")):
        return []
    return [invalid_value(path, text, f"must evaluate to {wanted} but got {result}")]
