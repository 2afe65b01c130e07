"""How expensive an expression can get, before it has ever run.

An estimate after cel-go's: every step costs one, loops cost what their longest list allows, and what reads strings
costs a tenth of their length. How long lists, maps and strings can be comes from the schema; without limits there it
is what fits into one request. Where cel-go tracks sizes through functions this stays on the cheap side.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from minik.api.cel.declarations import escape, properties_of
from minik.api.cel.syntax_tree import (
    Call,
    Comprehension,
    Constant,
    Identifier,
    ListLiteral,
    MapLiteral,
    Node,
    Select,
)
from minik.api.types import Obj

_REQUEST = 3 * 1024 * 1024  # bytes of the largest request
_LIMIT = (1 << 64) - 1
_NEW_LIST, _NEW_MAP = 10, 30
_PER_CHARACTER, _PER_PATTERN_CHARACTER = 0.1, 0.25
_MINIMAL = {"string": 2, "boolean": 4, "integer": 1, "number": 1, "array": 2, "object": 2}
_WHOLE_LIST = frozenset({"isSorted", "sum", "min", "max", "indexOf", "lastIndexOf", "@in", "in"})
_TWO_LISTS = frozenset({"sets.contains", "sets.equivalent", "sets.intersects"})
_READS_TEXT = frozenset(
    [
        "startsWith",
        "endsWith",
        "lowerAscii",
        "upperAscii",
        "replace",
        "split",
        "substring",
        "trim",
        "join",
        "string",
        "bytes",
        "url",
        "isURL",
        "ip",
        "isIP",
        "cidr",
        "isCIDR",
        "quantity",
        "isQuantity",
        "semver",
        "isSemver",
        "duration",
        "timestamp",
        "int",
        "double",
        "uint",
        "_+_",
    ]
)
_PATTERNS = frozenset({"matches", "find", "findAll"})


@dataclass(frozen=True, slots=True)
class Value:
    """What is known of a value: its schema, or at least its size."""

    schema: Obj | None = None
    size: int = 0


def minimal_size(schema: Obj) -> int:
    """Bytes of the shortest JSON of such a value."""
    if schema.get("x-kubernetes-int-or-string"):
        return 1
    size = _MINIMAL.get(str(schema.get("type")), 1)
    if schema.get("type") == "object":
        properties = schema.get("properties") or {}
        for name in schema.get("required") or ():
            if name in properties and "default" not in properties[name]:
                size += len(name) + 4 + minimal_size(properties[name])
    return size


def largest(schema: Obj) -> int:
    """How many items, entries or characters a value can have."""
    kind, additional = schema.get("type"), schema.get("additionalProperties")
    if kind == "array":
        items = schema.get("items") or {}
        return int(schema.get("maxItems", (_REQUEST - 2) // (minimal_size(items) + 1)))
    if kind == "object" and isinstance(additional, dict):
        return int(schema.get("maxProperties", (_REQUEST - 2) // (minimal_size(additional) + 6)))
    if kind == "string":
        return _longest_text(schema)
    return 1


def _longest_text(schema: Obj) -> int:
    form = schema.get("format")
    if form in ("date", "date-time", "duration"):
        return 32
    if schema.get("maxLength") is not None:
        return int(schema["maxLength"]) * (1 if form == "byte" else 4)
    if schema.get("enum"):
        return max(len(str(each)) for each in schema["enum"])
    return _REQUEST - 2


def estimate(tree: Node, variables: Mapping[str, Obj]) -> int:
    """The cost of an expression over variables of these schemas."""
    return min(int(_Estimator().cost(tree, {name: Value(schema) for name, schema in variables.items()})[0]), _LIMIT)


class _Estimator:
    def cost(self, node: Node, scope: Mapping[str, Value]) -> tuple[float, Value]:
        """The cost of a part, and what is known of its value."""
        match node:
            case Constant():
                return 0, Value(size=node.size)
            case Identifier():
                return 1, scope.get(node.name, Value())
            case Select():
                return self._select(node, scope)
            case ListLiteral():
                costs = [self.cost(element, scope)[0] for element in node.elements]
                return _NEW_LIST + sum(costs), Value(size=len(node.elements))
            case MapLiteral():
                return _NEW_MAP + sum(self.cost(p, scope)[0] for p in node.parts), Value(size=len(node.parts) // 2)
            case Comprehension():
                return self._comprehension(node, scope)
        return self._call(node, scope)

    def _select(self, node: Select, scope: Mapping[str, Value]) -> tuple[float, Value]:
        cost, value = self.cost(node.operand, scope)
        return cost + 1, Value() if node.test_only else _field(value, node.field)

    def _comprehension(self, node: Comprehension, scope: Mapping[str, Value]) -> tuple[float, Value]:
        items_cost, items = self.cost(node.items, scope)
        start_cost, start = self.cost(node.start, scope)
        inner = {**scope, node.variable: _item(items), node.accumulator: start}
        once = self.cost(node.condition, inner)[0] + self.cost(node.step, inner)[0]
        result_cost, result = self.cost(node.result, inner)
        rounds = _size(items)
        return items_cost + start_cost + rounds * once + result_cost, result if result.schema else Value(size=rounds)

    def _call(self, node: Call, scope: Mapping[str, Value]) -> tuple[float, Value]:
        parts = [*((node.target,) if node.target is not None else ()), *node.arguments]
        costed = [self.cost(part, scope) for part in parts]
        costs, values = [cost for cost, _ in costed], [value for _, value in costed]
        if node.function == "_?_:_":
            return costs[0] + max(costs[1:]), values[1]
        if node.function in ("_[_]", "_[?_]"):
            return sum(costs) + 1, _item(values[0])
        if node.function in ("_?._", "value", "orValue"):
            return sum(costs) + 1, values[0]
        sizes = [_size(value) for value in values]
        return sum(costs) + _work(node.function, sizes), Value(size=max(sizes, default=0) if _grows(node) else 0)


def _grows(node: Call) -> bool:
    return node.function in _READS_TEXT or node.function in _PATTERNS


def _work(function: str, sizes: list[int]) -> float:
    """What the function itself costs."""
    if function in ("_==_", "_!=_"):
        return max(1, min(sizes) * _PER_CHARACTER)
    if function in _PATTERNS and len(sizes) > 1:
        return max(1, sizes[0] * _PER_CHARACTER) * max(1, sizes[1] * _PER_PATTERN_CHARACTER)
    if function in _TWO_LISTS and len(sizes) > 1:
        return sizes[0] * sizes[1]
    if function == "contains" and len(sizes) > 1:
        return max(1, sizes[0] * _PER_CHARACTER) * max(1, sizes[1] * _PER_CHARACTER)
    if function in ("startsWith", "endsWith"):
        return max(1, sizes[-1] * _PER_CHARACTER)
    if function in _WHOLE_LIST:
        return max(1, sizes[-1] if function in ("@in", "in") else sizes[0])
    if function in _READS_TEXT:
        return max(1, max(sizes, default=0) * _PER_CHARACTER)
    return 1


def _size(value: Value) -> int:
    return largest(value.schema) if value.schema else value.size


def _field(value: Value, name: str) -> Value:
    if value.schema is None:
        return Value()
    for key, part in properties_of(value.schema).items():
        if escape(key) == name:
            return Value(part)
    additional: Any = value.schema.get("additionalProperties")
    return Value(additional) if isinstance(additional, dict) else Value()


def _item(value: Value) -> Value:
    """An item of a list. Keys of maps are short."""
    items = (value.schema or {}).get("items")
    return Value(items) if isinstance(items, dict) else Value()
