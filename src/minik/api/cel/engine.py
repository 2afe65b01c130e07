"""Compiling and evaluating CEL: the only module that knows the engine.

An expression is compiled twice: once against declared types, for the errors an author should see, and once against
dynamic ones, which plain Python values are evaluated with. Neither sees the other's types.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

from cel_expr_python import cel
from cel_expr_python.ext import ext_bindings, ext_encoders, ext_math, ext_optional, ext_strings

from minik.api.cel import (
    collection_functions,
    format_functions,
    network_functions,
    quantity_functions,
    two_variables,
)
from minik.api.cel.function import OPAQUE, OPTIONAL, Function, kind_of

FUNCTIONS = (
    *quantity_functions.FUNCTIONS,
    *network_functions.FUNCTIONS,
    *collection_functions.FUNCTIONS,
    *format_functions.FUNCTIONS,
    *two_variables.FUNCTIONS,
)
_CODE = re.compile(r"^(?!ERROR)[A-Z_]+: |\s*\[[A-Z_]+\]$")
_MIXED = re.compile(
    r"found no matching overload for '_(<|<=|>|>=)_' applied to '\((int|uint|double), (int|uint|double)\)'"
)


class CelError(Exception):
    """What is wrong with an expression, or what went wrong in it, in cel-go's words where they are known."""


@dataclass(frozen=True, slots=True)
class Program:
    """A compiled expression. `result` is the type it was found to have, `dyn` when that is not known."""

    expression: Any
    result: str

    def evaluate(self, variables: Mapping[str, Any]) -> Any:
        """The value for these variables, as plain Python. Raises CelError."""
        return _plain(self.expression.eval(data=dict(variables)))

    def evaluate_in(self, activation: Any) -> Any:
        """The value for what `activation` made of the variables. Raises CelError."""
        return _plain(self.expression.eval(activation))

    def syntax_tree(self) -> bytes:
        """The checked expression as cel.expr.CheckedExpr."""
        tree: bytes = self.expression.serialize()
        return tree


def _plain(value: Any) -> Any:
    if value.type() == cel.Type.ERROR:
        raise CelError(_runtime_text(str(value.value())))
    return value.plain_value()


@dataclass(frozen=True, slots=True)
class Types:
    """Declared variables. `pool` describes the messages they use; it is what the engine takes for a descriptor pool.

    `library`: functions of their own besides FUNCTIONS.
    """

    variables: Mapping[str, Any]
    pool: Any = None
    library: tuple[Function, ...] = ()


@lru_cache(maxsize=4096)
def compile_dynamic(expression: str, variables: tuple[str, ...], library: tuple[Function, ...] = ()) -> Program:
    """A program over variables of any type, with functions of its own besides FUNCTIONS. Raises CelError."""
    return _compile(_dynamic(variables, library), expression)


def activation(values: Mapping[str, Any], variables: tuple[str, ...], library: tuple[Function, ...] = ()) -> Any:
    """Values for several programs of `compile_dynamic` with these variables and library; each is converted once."""
    return _dynamic(variables, library).Activation(data=dict(values))


def check(expression: str, types: Types) -> str:
    """The type of an expression's value ("BOOL", "STRING", "DYN", ...). Raises CelError."""
    try:
        return _compile(_typed(types), expression).result
    except CelError as error:
        if not _only_mixed_numbers(str(error)):
            raise
    return compile_dynamic(expression, tuple(types.variables), types.library).result


def _compile(environment: Any, expression: str) -> Program:
    try:
        compiled = environment.compile(two_variables.rewritten(expression))
    except RuntimeError as error:
        raise CelError(_compile_text(str(error))) from None
    return Program(compiled, compiled.return_type().name())


def _only_mixed_numbers(text: str) -> bool:
    """Whether all that is wrong are comparisons of numbers of different types, which Kubernetes allows."""
    errors = [line for line in text.splitlines() if line.startswith("ERROR: ")]
    return bool(errors) and all(_MIXED.search(line) for line in errors)


# -- environments


@cache
def _dynamic(variables: tuple[str, ...], library: tuple[Function, ...]) -> Any:
    extensions = [*_extensions(), cel.CelExtension("kubernetes", _declarations((*FUNCTIONS, *library), typed=False))]
    return cel.NewEnv(variables=dict.fromkeys(variables, cel.Type.DYN), extensions=extensions)


def _typed(types: Types) -> Any:
    extensions = [
        *_extensions(),
        cel.CelExtension("kubernetes", _declarations((*FUNCTIONS, *types.library), typed=True)),
    ]
    return cel.NewEnv(descriptor_pool=types.pool, variables=dict(types.variables), extensions=extensions)


def _extensions() -> list[Any]:
    return [
        ext_optional.ExtOptional(),
        ext_strings.ExtStrings(),
        ext_math.ExtMath(),
        ext_bindings.ExtBindings(),
        ext_encoders.ExtEncoders(),
    ]


def _declarations(functions: Sequence[Function], *, typed: bool) -> list[Any]:
    """The library. Overloads that differ in Kubernetes' own types become one, which looks at the values."""
    grouped: dict[tuple[str, bool, int], list[Function]] = {}
    for function in functions:
        if typed and function.unchecked:
            continue
        grouped.setdefault((function.name, function.member, len(function.parameters)), []).append(function)
    declared: dict[str, list[Any]] = {}
    for (name, member, arity), alike in grouped.items():
        parameters = [_common({f.parameters[place] for f in alike}, typed) for place in range(arity)]
        overload = cel.Overload(
            f"{name}_{arity}_{'member' if member else 'global'}".replace(".", "_"),
            return_type=_type(_common({function.result for function in alike}, typed)),
            parameters=[_type(part) for part in parameters],
            is_member=member,
            impl=_implementation(alike),
        )
        declared.setdefault(name, []).append(overload)
    return [cel.FunctionDecl(name, overloads) for name, overloads in declared.items()]


def _common(names: set[str], typed: bool) -> str:
    if not typed and names <= set(OPAQUE):
        return "map"
    return next(iter(names)) if len(names) == 1 and OPTIONAL not in names else "dyn"


def _implementation(functions: Sequence[Function]) -> Any:
    if len({function.parameters[:1] for function in functions}) == 1:
        return functions[0].implementation
    by_kind = {function.parameters[0]: function.implementation for function in functions}

    def dispatch(*arguments: Any) -> Any:
        found = by_kind.get(kind_of(arguments[0]))
        if found is None:
            raise ValueError("no such overload")
        return found(*arguments)

    return dispatch


def _type(name: str) -> Any:
    known = {
        "string": cel.Type.STRING,
        "int": cel.Type.INT,
        "double": cel.Type.DOUBLE,
        "bool": cel.Type.BOOL,
        "dyn": cel.Type.DYN,
        "duration": cel.Type.DURATION,
        "timestamp": cel.Type.TIMESTAMP,
        "list": cel.Type.List(cel.Type.DYN),
        "map": cel.Type.Map(cel.Type.STRING, cel.Type.DYN),
    }
    return known.get(name) or cel.Type.AbstractType(name)


# -- texts


def _compile_text(text: str) -> str:
    text = _CODE.sub("", text)
    return re.sub(r"undefined field '([^']*)' not found in struct '[^']*'", r"undefined field '\1'", text)


def _runtime_text(text: str) -> str:
    text = _CODE.sub("", text)
    if match := re.match(r"Index error: index=(-?\d+)", text):
        return f"index out of bounds: {match[1]}"
    if match := re.match(r'Key not found in map : "?(.*?)"?$', text):
        return f"no such key: {match[1]}"
    if text == "divide by zero":
        return "division by zero"
    if text == "modulus by zero":
        return "modulus by zero"
    if text.startswith("No matching overloads found"):
        return "no such overload"
    return text
