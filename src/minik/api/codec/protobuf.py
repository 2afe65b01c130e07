"""Kubernetes' protobuf as values: what client-go sends for built-in kinds to save bytes, and kubectl create.

A body is the magic `k8s\\0` and a runtime.Unknown that names the kind and holds the message. Field numbers come with
the shapes; the result is the object as JSON would have it. Writing: codec/protobuf_encode.py.
https://kubernetes.io/docs/reference/using-api/api-concepts/#protobuf-encoding
"""

import base64
import struct
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, NamedTuple

import orjson

from minik.api.schema import types
from minik.api.schema.types import Field, Shape
from minik.api.types import Obj

MAGIC = b"k8s\0"
MAX_DEPTH = 100
SCHEMA_PROPS = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaProps"
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class ProtobufError(ValueError):
    """Bytes that are not what they claim to be."""


class Envelope(NamedTuple):
    """runtime.Unknown: the kind as the body names it ("" when it does not) and the message itself."""

    api_version: str
    kind: str
    message: bytes


def envelope(raw: bytes) -> Envelope:
    """Unwrap a request body. Raises ProtobufError."""
    if raw in (b"", MAGIC):
        raise ProtobufError("empty body" if raw else "empty data")
    if not raw.startswith(MAGIC):
        raise ProtobufError("provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]")
    names: dict[int, bytes] = {}
    message, encoding = b"", b""
    for number, value in _fields(raw[len(MAGIC) :]):
        if number == 1:
            names = {n: bytes(_as_bytes(v)) for n, v in _fields(_as_bytes(value))}
        elif number == 2:
            message = bytes(_as_bytes(value))
        elif number == 3:
            encoding = bytes(_as_bytes(value))
    if encoding:
        raise ProtobufError(f"contentEncoding {encoding.decode(errors='replace')!r} is not supported")
    return Envelope(_text(names.get(1, b"")), _text(names.get(2, b"")), message)


def decode(message: bytes, shape: Shape) -> Obj:
    """The message of a type as JSON would have it. Unknown fields are skipped. Raises ProtobufError."""
    return _message(message, shape, 0)


# Field number -> field, or the table of a struct that Go embeds under that number.
_Table = Mapping[int, "Field | _Table"]


@cache
def _table(shape: Shape) -> _Table:
    table: dict[int, Any] = {}
    for field in shape.fields.values():
        path = field.proto if isinstance(field.proto, tuple) else (field.proto,)
        inner = table
        for number in path[:-1]:
            inner = inner.setdefault(number, {})
        if path[-1]:
            inner[path[-1]] = field
    return table


def _message(data: bytes | memoryview, shape: Shape, depth: int) -> Obj:
    if depth > MAX_DEPTH:
        raise ProtobufError("nested too deeply")
    out: Obj = {}
    _into(out, data, _table(shape), depth)
    return out


def _into(out: Obj, data: bytes | memoryview, table: _Table, depth: int) -> None:
    for number, value in _fields(data):
        entry = table.get(number)
        if entry is None:
            continue
        if not isinstance(entry, Field):
            _into(out, _as_bytes(value), entry, depth + 1)
        elif entry.type == "list" and entry.item is not None:
            _append(out.setdefault(entry.name, []), entry.item, value, depth)
        elif entry.type == "map" and entry.item is not None:
            key, item = _map_entry(entry.item, _as_bytes(value), depth)
            out.setdefault(entry.name, {})[key] = item
        else:
            out[entry.name] = _value(entry, value, depth)


def _append(items: list[Any], item: Field, value: Any, depth: int) -> None:
    """One element, or several numbers packed into one field."""
    if item.type in ("int32", "int64", "bool") and not isinstance(value, int):
        at, data = 0, bytes(value)
        while at < len(data):
            number, at = _varint(data, at)
            items.append(_value(item, number, depth))
    else:
        items.append(_value(item, value, depth))


def _map_entry(item: Field, data: memoryview, depth: int) -> tuple[str, Any]:
    key, found = "", None
    for number, value in _fields(data):
        if number == 1:
            key = _text(_as_bytes(value))
        elif number == 2:
            found = value
    if item.type == "list" and item.item is not None:  # a named list such as ExtraValue is a message of its own
        return key, [_value(item.item, v, depth + 1) for n, v in _fields(_as_bytes(found or b"")) if n == 1]
    return key, _value(item, found if found is not None else (b"" if item.type != "int32" else 0), depth)


def _value(field: Field, value: Any, depth: int) -> Any:
    kind = field.type
    if field.union:
        return _union(field.union, _as_bytes(value), depth)
    if kind == "string":
        return _text(_as_bytes(value))
    if kind == "object":
        shape = field.shape
        assert shape is not None
        return _message(_as_bytes(value), shape, depth + 1)
    if kind in ("int32", "int64"):
        number = _as_int(value)
        return number - (1 << 64) if number >> 63 else number
    if kind == "bool":
        return bool(_as_int(value))
    if kind == "double":
        return struct.unpack("<d", (_as_int(value) & ((1 << 64) - 1)).to_bytes(8, "little"))[0]
    if kind == "bytes":
        return base64.b64encode(_as_bytes(value)).decode()
    return _special(kind, {n: v for n, v in _fields(_as_bytes(value))})


def _union(kind: str, data: memoryview, depth: int) -> Any:
    """apiextensions' schema-or-something; see protobuf_encode."""
    of_schema = 2 if kind == "schemaOrBool" else 1
    allows = False
    others: list[Any] = []
    for number, value in _fields(data):
        if number == of_schema:
            return _message(_as_bytes(value), types.get(SCHEMA_PROPS), depth + 1)
        if kind == "schemaOrBool":
            allows = bool(_as_int(value))
        elif kind == "schemaOrArray":
            others.append(_message(_as_bytes(value), types.get(SCHEMA_PROPS), depth + 1))
        else:
            others.append(_text(_as_bytes(value)))
    return allows if kind == "schemaOrBool" else others


def _special(kind: str, fields: Mapping[int, Any]) -> Any:
    """Types whose JSON is not that of their message."""
    if kind == "quantity":
        return _text(_as_bytes(fields.get(1, b""))) or "0"
    if kind in ("time", "microtime"):
        if not fields:
            return None  # Go's zero time is an empty message
        return _time(_signed(fields.get(1, 0)), _signed(fields.get(2, 0)), micro=kind == "microtime")
    if kind == "intstr":
        return _text(_as_bytes(fields.get(3, b""))) if fields.get(1) else _signed(fields.get(2, 0))
    if kind == "duration":
        return f"{_signed(fields.get(1, 0)) / 1e9:g}s"
    raw = bytes(_as_bytes(fields.get(1, b"")))
    try:
        return orjson.loads(raw) if raw else None
    except orjson.JSONDecodeError as error:
        raise ProtobufError(f"an embedded object is not JSON: {error}") from None


def _time(seconds: int, nanos: int, *, micro: bool) -> str:
    """RFC 3339."""
    try:
        moment = _EPOCH + timedelta(seconds=seconds)
    except OverflowError:
        raise ProtobufError("a time out of range") from None
    fraction = f".{nanos // 1000:06d}" if micro else ""
    return f"{moment.isoformat(timespec='seconds')[:19]}{fraction}Z"


# -- the wire format: https://protobuf.dev/programming-guides/encoding/


def _fields(data: bytes | memoryview) -> Iterator[tuple[int, Any]]:
    """(number, value): an int for numbers of any width, a view of the bytes for everything else."""
    view, at, end = memoryview(data), 0, len(data)
    while at < end:
        tag, at = _varint(view, at)
        number, wire = tag >> 3, tag & 7
        if wire == _VARINT:
            value, at = _varint(view, at)
            yield number, value
            continue
        if wire == _BYTES:
            length, at = _varint(view, at)
        elif wire in (_FIXED64, _FIXED32):
            length = 8 if wire == _FIXED64 else 4
        else:
            raise ProtobufError(f"illegal wire type {wire}")
        if length > end - at:
            raise ProtobufError("unexpected EOF")
        piece = view[at : at + length]
        at += length
        yield number, piece if wire == _BYTES else int.from_bytes(piece, "little")


def _varint(view: bytes | memoryview, at: int) -> tuple[int, int]:
    number = shift = 0
    while True:
        if at >= len(view) or shift > 63:
            raise ProtobufError("unexpected EOF" if at >= len(view) else "integer overflow")
        byte = view[at]
        at += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            return number, at
        shift += 7


def _as_int(value: Any) -> int:
    if not isinstance(value, int):
        raise ProtobufError("wrong wireType")
    return value


def _signed(value: Any) -> int:
    number = _as_int(value) & ((1 << 64) - 1)
    return number - (1 << 64) if number >> 63 else number


def _as_bytes(value: Any) -> memoryview:
    if isinstance(value, int):
        raise ProtobufError("wrong wireType")
    return memoryview(value)


def _text(data: bytes | memoryview) -> str:
    return bytes(data).decode(errors="replace")
