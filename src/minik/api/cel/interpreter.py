"""Evaluates expressions step by step and counts what that costs, in cel-go's units.

Much slower than the engine, and so only for what may be expensive (budget.py): the engine neither counts nor takes
more than 10 000 rounds. Calls of functions are left to the engine, one at a time; variables, fields, logic, arithmetic
and loops are done here. Upstream: cel-go's interpreter/runtimecost.go with apiserver's cel/library/cost.go.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import UTC
from typing import Any

from google.protobuf import duration_pb2, timestamp_pb2

from minik.api.cel import operators
from minik.api.cel.call_costs import CHECK
from minik.api.cel.operators import NONE, Failed, Optional
from minik.api.cel.ranges import NEW_LIST, NEW_MAP, NEW_MESSAGE
from minik.api.cel.runtime_costs import cost_of
from minik.api.cel.syntax_tree import (
    Call,
    Checked,
    Comprehension,
    Constant,
    Identifier,
    ListLiteral,
    MapLiteral,
    Node,
    Select,
)
from minik.api.cel.unordered import Unordered

Apply = Callable[[str, bool, list[Any]], Any]
"""Calls a function: its name, whether the first argument is a target, the arguments. Raises Failed."""
_Step = Callable[[dict[str, Any]], Any]
_ON_NUMBERS = frozenset({"_==_", "_!=_", "_<_", "_<=_", "_>_", "_>=_", "_+_", "_-_", "_*_", "_/_", "_%_"})
_TYPE_NAMES = frozenset(
    {"bool", "int", "uint", "double", "string", "bytes", "list", "map", "null_type", "type", "google.protobuf.Duration"}
)


class TooExpensive(Exception):
    """The limit has been reached. The text is cel-go's."""

    def __init__(self) -> None:
        super().__init__("operation cancelled: actual cost limit exceeded")


@dataclass(slots=True)
class Meter:
    """What has been spent. `limit`: at which TooExpensive is raised."""

    limit: int
    spent: int = 0

    def check(self) -> None:
        """In every round of every loop, and at the end."""
        if self.spent > self.limit:
            raise TooExpensive


def evaluate(checked: Checked, variables: Mapping[str, Any], apply: Apply, meter: Meter) -> Any:
    """The value. Raises Failed with the engine's text, or TooExpensive."""
    scope = {name: _plain(value) for name, value in variables.items()}
    value = _Compiler(checked, apply, meter).step(checked.tree)(scope)
    meter.check()
    return value


def _is_constant(node: Node) -> bool:
    """Whether it is made once, when the expression is planned."""
    match node:
        case Constant():
            return True
        case ListLiteral():
            return all(map(_is_constant, node.elements))
        case MapLiteral():
            return not node.message and all(map(_is_constant, node.parts))
    return False


def _present(place: int, value: Any, optional: Collection[int]) -> tuple[Any, ...]:
    """A part of a literal, which is not there if it is an optional without a value."""
    if place not in optional:
        return (value,)
    return () if value is NONE else (value.value,)


def _plain(value: Any) -> Any:
    """With times and durations as Python has them."""
    if isinstance(value, dict):
        return {key: _plain(part) for key, part in value.items()}
    if isinstance(value, list):
        parts = [_plain(part) for part in value]
        return value.like(parts) if isinstance(value, Unordered) else parts
    if isinstance(value, timestamp_pb2.Timestamp):
        return value.ToDatetime(tzinfo=UTC)
    return value.ToTimedelta() if isinstance(value, duration_pb2.Duration) else value


class _Compiler:
    """Makes a function of each node, so that loops do not look at the tree again."""

    def __init__(self, checked: Checked, apply: Apply, meter: Meter) -> None:
        self._checked = checked
        self._apply = apply
        self._meter = meter

    def step(self, node: Node) -> _Step:
        match node:
            case Constant():
                value = node.value
                return lambda scope: value
            case Identifier():
                return self._identifier(self._checked.names.get(node.id) or node.name)
            case Select():
                return self._select(node)
            case ListLiteral():
                return self._list(node)
            case MapLiteral():
                return self._map(node)
            case Comprehension():
                return self._loop(node)
        return self._call(node)

    def _identifier(self, name: str) -> _Step:
        meter = self._meter
        missing = operators.TypeName(name) if name in _TYPE_NAMES else Failed(f"no such attribute(s): {name}")

        def read(scope: dict[str, Any]) -> Any:
            meter.spent += 1
            value = scope.get(name, missing)
            if type(value) is Failed:
                raise value
            return value

        return read

    def _select(self, node: Select) -> _Step:
        if self._checked.names.get(node.id):
            return self._identifier(self._checked.names[node.id])
        operand, field, meter = self.step(node.operand), node.field, self._meter
        if node.test_only:
            return lambda scope: operators.has(operand(scope), field)

        def select(scope: dict[str, Any]) -> Any:
            value = operand(scope)
            meter.spent += 1
            if type(value) is dict and field in value:
                return value[field]
            return operators.select(value, field)

        return select

    def _list(self, node: ListLiteral) -> _Step:
        elements, meter = [self.step(element) for element in node.elements], self._meter
        cost = 0 if _is_constant(node) else NEW_LIST

        def make(scope: dict[str, Any]) -> list[Any]:
            meter.spent += cost
            values = [element(scope) for element in elements]
            return [value for each in enumerate(values) for value in _present(*each, node.optional)]

        return make

    def _map(self, node: MapLiteral) -> _Step:
        parts, meter = [self.step(part) for part in node.parts], self._meter
        cost = NEW_MESSAGE if node.message else 0 if _is_constant(node) else NEW_MAP

        def make(scope: dict[str, Any]) -> dict[Any, Any]:
            meter.spent += cost
            values = [part(scope) for part in parts]
            return {
                values[place - 1]: value
                for place in range(1, len(values), 2)
                for value in _present(place, values[place], node.optional)
            }

        return make

    def _loop(self, node: Comprehension) -> _Step:
        items, start, condition = self.step(node.items), self.step(node.start), self._condition(node)
        step, result = self.step(node.step), self.step(node.result)
        variable, accumulator, meter = node.variable, node.accumulator, self._meter

        def loop(scope: dict[str, Any]) -> Any:
            around = operators.items_of(items(scope))
            inner = dict(scope)
            inner[accumulator] = start(scope)
            for item in around:
                inner[variable] = item
                meter.check()
                if condition is not None and condition(inner) is not True:
                    break
                try:
                    inner[accumulator] = step(inner)
                except Failed as failure:
                    inner[accumulator] = failure
            inner.pop(variable, None)
            return result(inner)

        return loop

    def _condition(self, node: Comprehension) -> _Step | None:
        """Whether a loop goes on; None for one that always does."""
        condition, meter = node.condition, self._meter
        if isinstance(condition, Constant) and condition.value is True:
            return None
        if isinstance(condition, Call) and condition.function == "@not_strictly_false":
            inner = condition.arguments[0]
            if isinstance(inner, Identifier) and inner.name == node.accumulator:
                accumulator = node.accumulator

                def undecided(scope: dict[str, Any]) -> bool:
                    meter.spent += 2
                    return scope[accumulator] is not False

                return undecided
        return self.step(condition)

    # -- calls

    def _call(self, node: Call) -> _Step:
        target = (node.target,) if node.target is not None else ()
        operands = [self.step(part) for part in (*target, *node.arguments)]
        match node.function:
            case "_&&_":
                return lambda scope: operators.either(operands[0], operands[1], scope, decisive=False)
            case "_||_":
                return lambda scope: operators.either(operands[0], operands[1], scope, decisive=True)
            case "_?_:_":
                return self._conditional(node, operands)
            case "@not_strictly_false":
                return lambda scope: self._not_false(operands[0], scope)
            case "or" | "orValue":
                return lambda scope: self._alternative(operands, scope, whole=node.function == "or")
            case "_[_]":
                return self._index(node, operands)
        return self._plain(node.function, bool(target), operands)

    def _conditional(self, node: Call, operands: list[_Step]) -> _Step:
        """A branch that is a variable or a field of one is free."""
        free = [isinstance(part, Identifier | Select) for part in node.arguments]
        meter = self._meter

        def choose(scope: dict[str, Any]) -> Any:
            place = 1 if operators.truth(operands[0](scope)) else 2
            spent = meter.spent
            value = operands[place](scope)
            if free[place]:
                meter.spent = spent
            return value

        return choose

    def _index(self, node: Call, operands: list[_Step]) -> _Step:
        """An index that is a variable or a field of one is paid with it."""
        value, key = operands
        own, meter = int(not isinstance(node.arguments[1], Identifier | Select)), self._meter

        def index(scope: dict[str, Any]) -> Any:
            found, at = value(scope), key(scope)
            meter.spent += own
            return operators.index(found, at)

        return index

    def _not_false(self, operand: _Step, scope: dict[str, Any]) -> bool:
        try:
            self._meter.spent += 1
            return operand(scope) is not False
        except Failed:
            return True

    def _alternative(self, operands: list[_Step], scope: dict[str, Any], *, whole: bool) -> Any:
        self._meter.spent += 1
        optional = operands[0](scope)
        if isinstance(optional, Optional) and optional is not NONE:
            return optional if whole else optional.value
        return operands[1](scope)

    def _plain(self, function: str, member: bool, operands: list[_Step]) -> _Step:
        own, apply, meter = operators.IMPLEMENTED.get(function), self._apply, self._meter
        if own is not None and function in _ON_NUMBERS and len(operands) == 2:
            return self._binary(function, own, operands)

        def call(scope: dict[str, Any]) -> Any:
            values = [operand(scope) for operand in operands]
            meter.spent += CHECK if function == "check" else cost_of(function, member, values)
            return apply(function, member, values) if own is None else own(*values)

        return call

    def _binary(self, function: str, own: Callable[..., Any], operands: list[_Step]) -> _Step:
        """An operator, which costs one when its operands are numbers."""
        one, other = operands
        meter = self._meter

        def calculate(scope: dict[str, Any]) -> Any:
            left, right = one(scope), other(scope)
            meter.spent += 1 if type(left) is int else cost_of(function, False, (left, right))
            return own(left, right)

        return calculate
