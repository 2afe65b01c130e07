"""Checked expressions as trees, read from the engine's protobuf form (cel.expr.CheckedExpr).

https://github.com/google/cel-spec/blob/master/proto/cel/expr/syntax.proto
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


@dataclass(frozen=True, slots=True)
class Constant:
    """`size` is the length of a string or bytes literal, 0 for everything else."""

    size: int


@dataclass(frozen=True, slots=True)
class Identifier:
    name: str


@dataclass(frozen=True, slots=True)
class Select:
    operand: "Node"
    field: str
    test_only: bool


@dataclass(frozen=True, slots=True)
class Call:
    function: str
    target: "Node | None"
    arguments: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class ListLiteral:
    elements: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class MapLiteral:
    """Keys and values, one after the other."""

    parts: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Comprehension:
    variable: str
    items: "Node"
    accumulator: str
    start: "Node"
    condition: "Node"
    step: "Node"
    result: "Node"


Node = Constant | Identifier | Select | Call | ListLiteral | MapLiteral | Comprehension


def parse(checked: bytes) -> Node:
    """The tree of a serialized CheckedExpr, which may be wrapped in an Any."""
    fields = dict(_fields(checked))
    if isinstance(fields.get(1), bytes) and fields[1].startswith(b"type.googleapis.com/"):
        fields = dict(_fields(fields[2]))
    return _expression(fields[4])


def _expression(data: bytes) -> Node:
    for number, value in _fields(data):
        read = _KINDS.get(number)
        if read is not None:
            found: Node = read(value)
            return found
    return Constant(0)


def _constant(data: bytes) -> Node:
    return next((Constant(len(value)) for number, value in _fields(data) if number in (6, 7)), Constant(0))


def _identifier(data: bytes) -> Node:
    return Identifier(next((value.decode() for number, value in _fields(data) if number == 1), ""))


def _select(data: bytes) -> Node:
    fields = dict(_fields(data))
    return Select(_expression(fields[1]), fields.get(2, b"").decode(), bool(fields.get(3)))


def _call(data: bytes) -> Node:
    target, function, arguments = None, "", []
    for number, value in _fields(data):
        if number == 1:
            target = _expression(value)
        elif number == 2:
            function = value.decode()
        elif number == 3:
            arguments.append(_expression(value))
    return Call(function, target, tuple(arguments))


def _list(data: bytes) -> Node:
    return ListLiteral(tuple(_expression(value) for number, value in _fields(data) if number == 1))


def _struct(data: bytes) -> Node:
    parts: list[Node] = []
    for number, value in _fields(data):
        if number == 2:
            parts += [_expression(part) for key, part in _fields(value) if key in (3, 4)]
    return MapLiteral(tuple(parts))


def _comprehension(data: bytes) -> Node:
    fields = dict(_fields(data))
    empty = b""
    return Comprehension(
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
