"""Compiles the expressions of admission policies and webhooks, to evaluate them and to say what is wrong with them.

https://kubernetes.io/docs/reference/access-authn-authz/validating-admission-policy/
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

from cel_expr_python import cel

from minik.api.admission_cel import authorizer, object_literals, request_types, variable_types
from minik.api.admission_cel.scope import Scope
from minik.api.cel import engine
from minik.api.cel.declarations import Declarations
from minik.api.cel.engine import CelError, Program, Types
from minik.api.cel.function import AUTHORIZER, RESOURCE_CHECK, Function
from minik.api.cel.syntax_tree import Call, Constant, Identifier, ListLiteral, MapLiteral, Node, Select
from minik.api.types import Obj

_BASE = ("object", "oldObject", "request", "namespaceObject")
_AUTHORIZER = ("authorizer", "authorizer.requestResource")
_CEL_NAMES = {"NULL": "null_type"}
_LITERALS = (
    Function(
        "jsonpatch.escapeKey",
        ("string",),
        "string",
        lambda key: key.replace("~", "~0").replace("/", "~1"),
        member=False,
    ),
)


EVERYTHING = Scope(params=True, authorizer=True, literals=True)
"""What is there when expressions are evaluated: who wrote them was told before what they may not use."""


def compile_expression(text: str, scope: Scope) -> Program:
    """For evaluating. Raises CelError with cel-go's text."""
    source = object_literals.with_maps(text) if scope.literals else text
    return engine.compile_dynamic(source, _names(scope), _library(scope))


def checked_expression(text: str, scope: Scope, written: str | None = None) -> Program:
    """For saying what is wrong with it and what it yields. Raises CelError with cel-go's text.

    `written`: what the author wrote, when that is not all of the text.
    """
    return _checked(text, scope, _variables(scope), text if written is None else written)


@lru_cache(maxsize=64)
def _variables(scope: Scope) -> Obj:
    """The schema of `variables`."""
    bare = replace(scope, definitions=(), authorizer=True)
    definitions = scope.definitions or tuple((name, "dyn(1)") for name in scope.variables)
    return variable_types.schema_of(
        definitions, lambda text, seen: _checked(text, replace(bare, composed=True), seen, text).result
    )


def _checked(text: str, scope: Scope, seen: Obj, written: str) -> Program:
    declarations = Declarations()
    variables = dict.fromkeys(_names(scope), cel.Type.DYN) | request_types.declare(declarations)
    if "variables" in variables:
        variables["variables"] = declarations.type_of(seen)
    if scope.authorizer:
        own = (cel.Type(AUTHORIZER), cel.Type(RESOURCE_CHECK))
        variables |= dict(zip(_AUTHORIZER, own, strict=True))
    types = Types(variables, declarations.pool(), _library(scope))
    source = object_literals.with_maps(text) if scope.literals else text
    try:
        return engine.check(source, types, written)
    except CelError as error:
        if source is not text and "Syntax error" in str(error):
            engine.check(text, types)  # so that the author's own words are shown
        raise


def literal_name(program: Program) -> str:
    """The type of what a checked expression of a mutation yields: "Object", "list(JSONPatch)", "" if unknown."""
    return _literal_name(program.checked().tree)


def _literal_name(node: Node) -> str:
    match node:
        case Call(function="dyn", arguments=(MapLiteral() as literal,)):
            value = literal.parts[1] if len(literal.parts) > 1 else None
            return str(value.value) if isinstance(value, Constant) and value.kind == "string" else ""
        case Call(function="_?_:_"):
            names = {_literal_name(branch) for branch in node.arguments[1:]}
            return names.pop() if len(names) == 1 else ""
        case ListLiteral(elements=(first, *_)):
            inner = _literal_name(first)
            return f"list({inner})" if inner else ""
        case Identifier(name="object" | "oldObject" | "params"):
            return "dyn"
        case Select():
            return _literal_name(node.operand)
    return ""


def _names(scope: Scope) -> tuple[str, ...]:
    own = (("params",) if scope.params else ()) + (("variables",) if scope.variables or scope.composed else ())
    return (*_BASE, *own, *(_AUTHORIZER if scope.authorizer else ()))


def _library(scope: Scope) -> tuple[Function, ...]:
    return (*(authorizer.FUNCTIONS if scope.authorizer else ()), *(_LITERALS if scope.literals else ()))


def complaint(text: str, scope: Scope, results: Sequence[str]) -> str:
    """What is wrong with an expression that must yield one of `results` (cel-go's type names; none: any), or ""."""
    try:
        result = type_name(checked_expression(text, scope).result)
    except CelError as error:
        return f"compilation failed: {error}"
    if not results or result in results:
        return ""
    wanted = results[0] if len(results) == 1 else f"one of [{' '.join(results)}]"
    return f"must evaluate to {wanted} but got {result}"


def type_name(result: str) -> str:
    """cel-go's name of a type: `LIST<STRING>` is list(string)."""
    words = _CEL_NAMES.get(result) or result.replace("<", "(").replace(">", ")")
    return re.sub(r"(?<![\w.])[A-Z_]+(?![\w.])", lambda match: match[0].lower(), words)


def activation(values: Mapping[str, Any]) -> Any:
    """Values for programs compiled for EVERYTHING."""
    return engine.activation(values, _names(EVERYTHING), _library(EVERYTHING))


def evaluate(program: Program, activation: Any, values: Mapping[str, Any]) -> Any:
    """Raises CelError. Values that plain Python cannot hold, such as optionals, are errors.

    `activation`: what was made of `values`.
    """
    try:
        return program.evaluate_in(activation, values)
    except TypeError:
        raise CelError("unsupported type of result") from None
