"""Conditions of configuration files: boolean expressions over one variable, whose fields are known.

Upstream: apiserver's authentication/cel/compile.go and authorization/cel/compile.go.
"""

from cel_expr_python import cel

from minik.api.cel.declarations import Declarations
from minik.api.cel.engine import CelError, Types, check
from minik.api.types import Obj

_TEXT: Obj = {"type": "string"}
_TEXTS: Obj = {"type": "array", "items": _TEXT}
_EXTRA: Obj = {"type": "object", "additionalProperties": _TEXTS}


def _object(**properties: Obj) -> Obj:
    return {"type": "object", "properties": properties}


_REQUIREMENT = _object(key=_TEXT, operator=_TEXT, values=_TEXTS)
_SELECTOR = _object(rawSelector=_TEXT, requirements={"type": "array", "items": _REQUIREMENT})
_RESOURCE_FIELDS = ("namespace", "verb", "group", "version", "resource", "subresource", "name")
_RESOURCE = _object(**dict.fromkeys(_RESOURCE_FIELDS, _TEXT), fieldSelector=_SELECTOR, labelSelector=_SELECTOR)
_VARIABLES: dict[str, Obj] = {
    "user": _object(username=_TEXT, uid=_TEXT, groups=_TEXTS, extra=_EXTRA),
    "request": _object(
        resourceAttributes=_RESOURCE,
        nonResourceAttributes=_object(path=_TEXT, verb=_TEXT),
        user=_TEXT,
        groups=_TEXTS,
        extra=_EXTRA,
        uid=_TEXT,
    ),
}


def complaint(expression: str, variable: str, *, condition: bool = True, shown: bool = False) -> str:
    """What is wrong with an expression over `claims`, `user` or `request`, "" for nothing.

    `condition`: it must yield a boolean. `shown`: what else it yields is told.
    """
    declarations = Declarations()
    schema = _VARIABLES.get(variable)
    kind = cel.Type.Map(cel.Type.STRING, cel.Type.DYN) if schema is None else declarations.type_of(schema)
    try:
        result = check(expression, Types({variable: kind}, declarations.pool())).result
    except CelError as error:
        return f"compilation failed: {error}"
    if not condition or result == "BOOL":
        return ""
    return f"must evaluate to bool but got {result.lower()}" if shown else "must evaluate to bool"
