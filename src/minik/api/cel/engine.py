"""Compiling and evaluating CEL: the only module that knows the engine.

An expression is compiled twice: once against declared types, for the errors an author should see, and once against
dynamic ones, which plain Python values are evaluated with. Neither sees the other's types.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cache, lru_cache
from typing import Any

from cel_expr_python import cel
from cel_expr_python.ext import ext_bindings, ext_optional, ext_strings
from google.protobuf import duration_pb2, timestamp_pb2

from minik.api.cel import (
    collection_functions,
    complaints,
    cost,
    format_functions,
    interpreter,
    literal_checks,
    missing_overloads,
    network_functions,
    quantity_functions,
    replaced_calls,
    string_functions,
    syntax_tree,
    two_variables,
    wrong_arguments,
)
from minik.api.cel.declarations import Declarations
from minik.api.cel.function import MESSAGES, OPAQUE, Function, kind_of
from minik.api.cel.interpreter import Meter, TooExpensive
from minik.api.cel.operators import Failed
from minik.api.cel.syntax_tree import Checked

FUNCTIONS = (
    *quantity_functions.FUNCTIONS,
    *network_functions.FUNCTIONS,
    *collection_functions.FUNCTIONS,
    *format_functions.FUNCTIONS,
    *string_functions.FUNCTIONS,
    *two_variables.FUNCTIONS,
)
_AFFORDABLE = 1_000_000  # what one evaluation may cost
_STRINGS_VERSION = 0  # of the library of functions on strings; what Kubernetes has beyond is string_functions.py's
# errors that upstream has other rules or texts for, which the interpreter knows
_OTHERWISE = re.compile(
    r"Applying SELECT to non-message|Invalid container type|<iter_range>|Index error: expected integer|<string>\."
)
_CONVERSION = re.compile(r"(?:cannot convert|Type conversion error from) '?(string)'? to '?(\w+)'?$")
_RUNTIME_TEXTS = {
    "divide by zero": "division by zero",
    "String to Timestamp conversion failed": "type conversion error from 'string' to 'google.protobuf.Timestamp'",
    "String to Duration conversion failed": "type conversion error from 'string' to 'google.protobuf.Duration'",
    "double out of int64 range": "integer overflow",
    "uint64 out of int64 range": "integer overflow",
    "double out of uint64 range": "unsigned integer overflow",
    "int64 out of uint64 range": "unsigned integer overflow",
}
_CODE = re.compile(r"^(?!ERROR)[A-Z_]+: |\s*\[[A-Z_]+\]$")
_BIND = re.compile(r"(?<![\w.])cel\s*\.\s*bind\s*\(")


class CelError(Exception):
    """What is wrong with an expression, or what went wrong in it, in cel-go's words where they are known."""


@dataclass(frozen=True, slots=True)
class Program:
    """A compiled expression. `result` is the type it was found to have, `dyn` when that is not known."""

    expression: Any
    result: str
    library: tuple[Function, ...] = ()
    _known: dict[tuple[int, int], int] = field(default_factory=dict, compare=False, repr=False)

    def evaluate(self, variables: Mapping[str, Any]) -> Any:
        """The value for these variables, as plain Python. Raises CelError."""
        return self._evaluated({"data": dict(variables)}, variables)

    def evaluate_in(self, activation: Any, variables: Mapping[str, Any]) -> Any:
        """The value for what `activation` made of the variables. Raises CelError."""
        return self._evaluated({"activation": activation}, variables)

    def _evaluated(self, given: Mapping[str, Any], variables: Mapping[str, Any]) -> Any:
        try:
            value = self.expression.eval(**given)
            if value.type() != cel.Type.ERROR or not _OTHERWISE.search(str(value.value())):
                return _plain(value)
        except RuntimeError as error:
            if "Iteration budget exceeded" not in str(error):
                raise
        try:  # the engine gives up after 10 000 rounds
            return self.interpret(variables, Meter(_AFFORDABLE))
        except TooExpensive as error:
            raise CelError(str(error)) from None

    def interpret(self, variables: Mapping[str, Any], meter: Meter) -> Any:
        """The value, and what it cost in the meter. Raises CelError, or TooExpensive at the meter's limit.

        Gaps of the interpreter show as errors: where it fails, `evaluate` has the last word.
        """

        def apply(function: str, member: bool, values: list[Any]) -> Any:
            return _called(function, member, values, self.library)

        try:
            return interpreter.evaluate(self.checked(), variables, apply, meter)
        except Failed as failure:
            raise CelError(str(failure)) from None

    def most(self, items: int, characters: int) -> int:
        """What evaluating costs at most, when no list or map has more items and no string more characters."""
        key = (items.bit_length(), characters.bit_length())
        if key not in self._known:
            self._known[key] = cost.most(self.checked(), (1 << key[0]) - 1, (1 << key[1]) - 1)
        return self._known[key]

    def checked(self) -> Checked:
        """The expression as a tree, with types."""
        return syntax_tree.parse(self.expression.serialize())


def _plain(value: Any) -> Any:
    if value.type() == cel.Type.ERROR:
        raise CelError(_runtime_text(str(value.value())))
    return value.plain_value()


def _called(function: str, member: bool, values: list[Any], library: tuple[Function, ...]) -> Any:
    """One call of a function, for the interpreter. Raises Failed."""
    names = tuple(f"a{place}" for place in range(len(values)))
    arguments = ", ".join(names[1:] if member else names)
    text = f"{names[0]}.{function}({arguments})" if member else f"{function}({arguments})"
    try:
        program = compile_dynamic(text, names, library)
        data = {name: _for_engine(value) for name, value in zip(names, values, strict=True)}
        return _plain(program.expression.eval(data=data))
    except (CelError, TypeError, RuntimeError) as error:
        raise Failed(str(error)) from None


def _for_engine(value: Any) -> Any:
    if isinstance(value, datetime):
        time = timestamp_pb2.Timestamp()
        time.FromDatetime(value)
        return time
    if isinstance(value, timedelta):
        span = duration_pb2.Duration()
        span.FromTimedelta(value)
        return span
    if isinstance(value, dict):
        return {key: _for_engine(part) for key, part in value.items()}
    return [_for_engine(item) for item in value] if isinstance(value, list) else value


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
    expression = replaced_calls.replaced(two_variables.rewritten(expression))
    while True:
        try:
            return replace(_compile(_dynamic(variables, library), expression), library=library)
        except CelError as error:
            other = replaced_calls.without_mixed_numbers(expression, str(error))
            if other == expression:
                raise
            expression = other


def activation(values: Mapping[str, Any], variables: tuple[str, ...], library: tuple[Function, ...] = ()) -> Any:
    """Values for several programs of `compile_dynamic` with these variables and library; each is converted once."""
    return _dynamic(variables, library).Activation(data=dict(values))


def check(expression: str, types: Types, written: str | None = None) -> Program:
    """The expression with the types of its parts, not to be evaluated; "BOOL", "STRING", "DYN", ... is its result.

    `written`: what the author wrote, when that is not all of the expression. Raises CelError.
    """
    bindings = _BIND.search(two_variables.without_strings(expression if written is None else written)) is None
    try:
        program = _compile(_typed(types, bindings=bindings), expression)
    except CelError as error:
        other = complaints.without(str(error), replaced_calls.MIXED)
        if other:
            names = {*wrong_arguments.STANDARD, *(function.name for function in (*FUNCTIONS, *types.library))}
            raise CelError(wrong_arguments.told(other, expression, names, lambda part: _type_of(part, types))) from None
        program = compile_dynamic(expression, tuple(types.variables), types.library)
    wrong = literal_checks.complaints(program.checked(), expression)
    if wrong:
        raise CelError(complaints.listed(wrong))
    return program


def _type_of(part: str, types: Types) -> str:
    """cel-go's name of the type of an expression, "" when it has none."""
    try:
        checked = check(part, types).checked()
    except CelError:
        return ""
    return literal_checks.shown(checked.types.get(checked.tree.id, syntax_tree.DYN))


def _compile(environment: Any, expression: str) -> Program:
    source = two_variables.rewritten(expression)
    try:
        compiled = environment.compile(source)
    except RuntimeError as error:
        raise CelError(complaints.as_upstream(_CODE.sub("", str(error)), source)) from None
    return Program(compiled, compiled.return_type().name())


# -- environments


@cache
def _dynamic(variables: tuple[str, ...], library: tuple[Function, ...]) -> Any:
    extension = cel.CelExtension("kubernetes", _for_any_values((*FUNCTIONS, *library)))
    return cel.NewEnv(
        variables=dict.fromkeys(variables, cel.Type.DYN), extensions=[*_extensions(bindings=True), extension]
    )


def _typed(types: Types, *, bindings: bool) -> Any:
    extension = cel.CelExtension("kubernetes", _for_checking((*FUNCTIONS, *types.library)))
    return cel.NewEnv(
        descriptor_pool=types.pool or Declarations().pool(),
        variables=dict(types.variables),
        extensions=[*_extensions(bindings=bindings), extension],
    )


def _extensions(*, bindings: bool) -> list[Any]:
    """`bindings`: cel.bind, which Kubernetes has not, but what two_variables.py writes needs."""
    own = [ext_optional.ExtOptional(), ext_strings.ExtStrings(_STRINGS_VERSION)]
    return [*own, ext_bindings.ExtBindings()] if bindings else own


def _for_checking(functions: Sequence[Function]) -> list[Any]:
    """The library as the checker sees it: every overload with its own types."""
    declared: dict[str, list[Any]] = {}
    for number, function in enumerate(functions):
        if function.unchecked:
            continue
        overload = cel.Overload(
            function.overload or f"{function.name}_{number}".replace(".", "_"),
            return_type=_checked_type(function.result),
            parameters=[_checked_type(part) for part in function.parameters],
            is_member=function.member,
            impl=function.implementation,
        )
        declared.setdefault(function.name, []).append(overload)
    return [cel.FunctionDecl(name, overloads) for name, overloads in declared.items()]


def _checked_type(name: str) -> Any:
    outer, _, inner = name.partition("<")
    if outer == "list" and inner:
        return cel.Type.List(_checked_type(inner.removesuffix(">")))
    if outer == "optional":
        return cel.Type.AbstractType("optional_type", [_checked_type(inner.removesuffix(">"))])
    return cel.Type(name) if name in MESSAGES else _type(name)


def _for_any_values(functions: Sequence[Function]) -> list[Any]:
    """The library as expressions are evaluated with. Overloads that differ in Kubernetes' own types, or in those of
    items, become one, which looks at the values.
    """
    grouped: dict[tuple[str, bool, int], list[Function]] = {}
    for function in functions:
        grouped.setdefault((function.name, function.member, len(function.parameters)), []).append(function)
    declared: dict[str, list[Any]] = {}
    for (name, member, arity), alike in grouped.items():
        parameters = [_common({f.parameters[place] for f in alike}) for place in range(arity)]
        overload = cel.Overload(
            f"{name}_{arity}_{'member' if member else 'global'}".replace(".", "_"),
            return_type=_type(_common({function.result for function in alike})),
            parameters=[_type(part) for part in parameters],
            is_member=member,
            impl=_in_engine(_implementation(alike)),
        )
        declared.setdefault(name, []).append(overload)
    return [cel.FunctionDecl(name, overloads) for name, overloads in declared.items()]


def _in_engine(implementation: Any) -> Any:
    """With results as the engine takes them."""
    return lambda *arguments: _for_engine(implementation(*arguments))


def _common(names: set[str]) -> str:
    names = {name.partition("<")[0] for name in names}
    if names <= {*OPAQUE, *MESSAGES}:
        return "map"
    names = {name.replace("optional", "list") for name in names}
    return next(iter(names)) if len(names) == 1 else "dyn"


def _implementation(functions: Sequence[Function]) -> Any:
    if len({function.implementation for function in functions}) == 1:
        return functions[0].implementation
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
        "uint": cel.Type.UINT,
        "double": cel.Type.DOUBLE,
        "bool": cel.Type.BOOL,
        "bytes": cel.Type.BYTES,
        "dyn": cel.Type.DYN,
        "duration": cel.Type.DURATION,
        "timestamp": cel.Type.TIMESTAMP,
        "list": cel.Type.List(cel.Type.DYN),
        "map": cel.Type.Map(cel.Type.STRING, cel.Type.DYN),
    }
    return known[name]


# -- texts


def _runtime_text(text: str) -> str:
    text = _CODE.sub("", text)
    if match := re.match(r"Index error: index=(-?\d+)", text):
        return f"index out of bounds: {match[1]}"
    if match := re.match(r'Key not found in map : "?(.*?)"?$', text):
        return f"no such key: {match[1]}"
    if match := _CONVERSION.match(text):
        return f"type conversion error from '{match[1]}' to '{match[2]}'"
    if told := missing_overloads.told(text):
        return told
    return _RUNTIME_TEXTS.get(text, text)
