"""Checked expressions as trees with their types, read from the engine's protobuf form (cel.expr.CheckedExpr).

https://github.com/google/cel-spec/blob/master/proto/cel/expr/syntax.proto
"""

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


@dataclass(frozen=True, slots=True)
class Constant:
    """`kind`: a type's name. `value`: strings, bytes and whole numbers as Python has them, None otherwise."""

    id: int
    kind: str
    value: Any = None


@dataclass(frozen=True, slots=True)
class Identifier:
    id: int
    name: str


@dataclass(frozen=True, slots=True)
class Select:
    id: int
    operand: "Node"
    field: str
    test_only: bool


@dataclass(frozen=True, slots=True)
class Call:
    id: int
    function: str
    target: "Node | None"
    arguments: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class ListLiteral:
    """`optional`: the places of elements that are optionals, and only there when those have values."""

    id: int
    elements: tuple["Node", ...]
    optional: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class MapLiteral:
    """Keys and values, one after the other. `message`: the name of the message it is one of, "" for maps.

    `optional`: the places in `parts` of values that are optionals, and only there when those have values.
    """

    id: int
    parts: tuple["Node", ...]
    message: str = ""
    optional: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Comprehension:
    id: int
    variable: str
    items: "Node"
    accumulator: str
    start: "Node"
    condition: "Node"
    step: "Node"
    result: "Node"


Node = Constant | Identifier | Select | Call | ListLiteral | MapLiteral | Comprehension


@dataclass(frozen=True, slots=True)
class Type:
    """`kind`: "int", "string", "list", "map", "message", "opaque", "dyn" ... `name`: of messages and opaque types."""

    kind: str
    name: str = ""
    parts: tuple["Type", ...] = ()


DYN = Type("dyn")


@dataclass(frozen=True, slots=True)
class Checked:
    """A checked expression. All maps are by the ids of its nodes; `positions` counts characters from the start."""

    tree: Node
    types: Mapping[int, Type]
    overloads: Mapping[int, tuple[str, ...]]
    names: Mapping[int, str]
    positions: Mapping[int, int]


def parse(checked: bytes) -> Checked:
    """Reads a serialized CheckedExpr, which may be wrapped in an Any."""
    fields = list(_fields(checked))
    if fields and fields[0][0] == 1 and isinstance(fields[0][1], bytes) and fields[0][1].startswith(b"type."):
        fields = list(_fields(dict(fields)[2]))
    types: dict[int, Type] = {}
    overloads: dict[int, tuple[str, ...]] = {}
    names: dict[int, str] = {}
    positions: dict[int, int] = {}
    tree: Node | None = None
    for number, value in fields:
        if number == 2:
            node, name, found = _reference(value)
            names[node] = name
            overloads[node] = found
        elif number == 3:
            entry = dict(_fields(value))
            types[entry.get(1, 0)] = _type(entry.get(2, b""))
        elif number == 4:
            tree = _expression(value)
        elif number == 5:
            for entry in (dict(_fields(part)) for key, part in _fields(value) if key == 4):
                positions[entry.get(1, 0)] = entry.get(2, 0)
    assert tree is not None
    return Checked(tree, types, overloads, names, positions)


def walk(node: Node) -> Iterator[Node]:
    """The node and all that is in it."""
    yield node
    for part in children(node):
        yield from walk(part)


def children(node: Node) -> tuple[Node, ...]:
    match node:
        case Select():
            return (node.operand,)
        case Call():
            return (*((node.target,) if node.target is not None else ()), *node.arguments)
        case ListLiteral():
            return node.elements
        case MapLiteral():
            return node.parts
        case Comprehension():
            return (node.items, node.start, node.condition, node.step, node.result)
    return ()


# -- expressions


def _expression(data: bytes) -> Node:
    node = 0
    for number, value in _fields(data):
        if number == 2:
            node = value
        elif number in _KINDS:
            found: Node = _KINDS[number](node, value)
            return found
    return Constant(node, "null")


_CONSTANTS = {1: "null", 2: "bool", 3: "int", 4: "uint", 5: "double", 6: "string", 7: "bytes", 8: "duration"}


def _constant(node: int, data: bytes) -> Node:
    for number, value in _fields(data):
        kind = _CONSTANTS.get(number, "timestamp")
        if kind == "string":
            return Constant(node, kind, value.decode())
        if kind == "int":
            return Constant(node, kind, value - (1 << 64) if value >> 63 else value)
        if kind == "bool":
            return Constant(node, kind, bool(value))
        if kind == "double":
            return Constant(node, kind, struct.unpack("<d", value)[0])
        return Constant(node, kind, value if kind in ("bytes", "uint") else None)
    return Constant(node, "null")


def _identifier(node: int, data: bytes) -> Node:
    return Identifier(node, next((value.decode() for number, value in _fields(data) if number == 1), ""))


def _select(node: int, data: bytes) -> Node:
    fields = dict(_fields(data))
    return Select(node, _expression(fields[1]), fields.get(2, b"").decode(), bool(fields.get(3)))


def _call(node: int, data: bytes) -> Node:
    target, function, arguments = None, "", []
    for number, value in _fields(data):
        if number == 1:
            target = _expression(value)
        elif number == 2:
            function = value.decode()
        elif number == 3:
            arguments.append(_expression(value))
    return Call(node, function, target, tuple(arguments))


def _list(node: int, data: bytes) -> Node:
    elements: list[Node] = []
    optional: set[int] = set()
    for number, value in _fields(data):
        if number == 1:
            elements.append(_expression(value))
        elif number == 2:
            optional |= set(_packed(value)) if isinstance(value, bytes) else {value}
    return ListLiteral(node, tuple(elements), frozenset(optional))


def _packed(data: bytes) -> Iterator[int]:
    number = shift = 0
    for byte in data:
        number |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            yield number
            number = shift = 0


def _struct(node: int, data: bytes) -> Node:
    parts: list[Node] = []
    optional: set[int] = set()
    message = ""
    for number, value in _fields(data):
        if number == 1:
            message = value.decode()
        elif number == 2:
            entry = list(_fields(value))
            parts += [_expression(part) for key, part in entry if key in (3, 4)]
            if (5, 1) in entry:
                optional.add(len(parts) - 1)
    return MapLiteral(node, tuple(parts), message, frozenset(optional))


def _comprehension(node: int, data: bytes) -> Node:
    fields = dict(_fields(data))
    empty = b""
    return Comprehension(
        node,
        fields.get(1, empty).decode(),
        _expression(fields.get(2, empty)),
        fields.get(3, empty).decode(),
        _expression(fields.get(4, empty)),
        _expression(fields.get(5, empty)),
        _expression(fields.get(6, empty)),
        _expression(fields.get(7, empty)),
    )


_KINDS: dict[int, Any] = {
    3: _constant,
    4: _identifier,
    5: _select,
    6: _call,
    7: _list,
    8: _struct,
    9: _comprehension,
}


# -- types and references

_PRIMITIVES = {1: "bool", 2: "int", 3: "uint", 4: "double", 5: "string", 6: "bytes"}
_WELL_KNOWN = {1: "any", 2: "timestamp", 3: "duration"}


def _type(data: bytes) -> Type:
    for number, value in _fields(data):
        match number:
            case 2:
                return Type("null")
            case 3 | 4:
                return Type(_PRIMITIVES.get(value, "dyn"))
            case 5:
                return Type(_WELL_KNOWN.get(value, "dyn"))
            case 6:
                return Type("list", parts=(_type(dict(_fields(value)).get(1, b"")),))
            case 7:
                entry = dict(_fields(value))
                return Type("map", parts=(_type(entry.get(1, b"")), _type(entry.get(2, b""))))
            case 9:
                return Type("message", value.decode())
            case 10:
                return Type("parameter", value.decode())
            case 11:
                return Type("type")
            case 14:
                return _opaque(value)
    return DYN


def _opaque(data: bytes) -> Type:
    fields = list(_fields(data))
    name = next((value.decode() for number, value in fields if number == 1), "")
    return Type("opaque", name, tuple(_type(value) for number, value in fields if number == 2))


def _reference(data: bytes) -> tuple[int, str, tuple[str, ...]]:
    entry = dict(_fields(data))
    fields = list(_fields(entry.get(2, b"")))
    name = next((value.decode() for number, value in fields if number == 1), "")
    return entry.get(1, 0), name, tuple(value.decode() for number, value in fields if number == 3)


# -- the wire


def _fields(data: bytes) -> Iterator[tuple[int, Any]]:
    """Field numbers and values of a message."""
    position = 0
    while position < len(data):
        key, position = _varint(data, position)
        kind = key & 7
        if kind == _VARINT:
            value, position = _varint(data, position)
            yield key >> 3, value
        elif kind == _BYTES:
            length, position = _varint(data, position)
            yield key >> 3, data[position : position + length]
            position += length
        else:
            size = 8 if kind == _FIXED64 else 4
            yield key >> 3, data[position : position + size]
            position += size


def _varint(data: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
        shift += 7
