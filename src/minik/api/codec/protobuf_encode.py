"""Objects written as Kubernetes protobuf (application/vnd.kubernetes.protobuf), by the schema's field numbers.

A message carries no kind, so it travels in an envelope: four magic bytes and a runtime.Unknown. Quantities, times,
int-or-strings and free JSON are small messages of their own. Reading: codec/protobuf.py.
https://kubernetes.io/docs/reference/using-api/api-concepts/#protobuf-encoding
"""

import struct
from base64 import b64decode
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from typing import Any

from minik.api.codec.json_codec import dumps_as_go
from minik.api.codec.protobuf import MAGIC, SCHEMA_PROPS
from minik.api.schema import types
from minik.api.schema.types import Field, GroupVersionKind, Shape
from minik.api.types import Obj

MEDIA_TYPE = "application/vnd.kubernetes.protobuf"
_META = "io.k8s.apimachinery.pkg.apis.meta.v1."
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_VARINT, _FIXED64, _BYTES = 0, 1, 2
_SMALL = tuple(bytes((value,)) for value in range(0x80))

Writer = Callable[[Any], bytes]


def _partial(name: str, *fields: Field) -> Shape:
    kind = GroupVersionKind("meta.k8s.io", "v1", name)
    return Shape(name=_META + name, fields={f.name: f for f in fields}, group_version_kind=kind)


# What metadata-only clients ask for; not in the published OpenAPI.
PARTIAL_OBJECT_METADATA = _partial(
    "PartialObjectMetadata", Field("metadata", "object", proto=1, type_name=_META + "ObjectMeta")
)
PARTIAL_OBJECT_METADATA_LIST = _partial(
    "PartialObjectMetadataList",
    Field("metadata", "object", proto=1, type_name=_META + "ListMeta"),
    Field("items", "list", proto=2, item=Field("", "object", _shape=PARTIAL_OBJECT_METADATA)),
)


def encode(obj: Obj, shape: Shape) -> bytes:
    """The object in its envelope. Fields the type does not have are left out."""
    type_meta = delimited(1, obj.get("apiVersion", "").encode()) + delimited(2, obj["kind"].encode())
    message = encode_message(obj, shape)
    return b"".join((MAGIC, delimited(1, type_meta), delimited(2, message), delimited(3, b""), delimited(4, b"")))


def encode_message(obj: Obj, shape: Shape) -> bytes:
    """The bare message."""
    return _writer(shape)(obj)


def watch_frame(event_type: str, enveloped: bytes) -> bytes:
    """One event of a watch stream: a length and a WatchEvent around an object in its envelope."""
    event = delimited(1, event_type.encode()) + delimited(2, delimited(1, enveloped))
    return struct.pack(">I", len(event)) + event


@cache
def _writer(shape: Shape) -> Callable[[Obj], bytes]:
    writers: dict[str, tuple[tuple[int, ...], Writer]] = {}
    for field in shape.fields.values():
        path = field.proto if isinstance(field.proto, tuple) else (field.proto,)
        if path[-1]:
            writers[field.name] = path[:-1], _field_writer(field, path[-1])

    def write(obj: Obj) -> bytes:
        parts: list[bytes] = []
        embedded: dict[int, Any] = {}
        for name, value in obj.items():
            found = writers.get(name)
            if found is None or value is None:
                continue
            outer, writer = found
            if outer:
                _embed(embedded, outer, writer(value))
            else:
                parts.append(writer(value))
        if embedded:
            parts.append(_close(embedded))
        return b"".join(parts)

    return write


def _embed(tree: dict[int, Any], path: tuple[int, ...], part: bytes) -> None:
    """Keep a field of an embedded struct until the whole struct can be written. Key 0 holds its written fields."""
    for number in path:
        tree = tree.setdefault(number, {})
    tree[0] = tree.get(0, b"") + part


def _close(tree: dict[int, Any]) -> bytes:
    own: bytes = tree.pop(0, b"")
    return own + b"".join(delimited(number, _close(part)) for number, part in tree.items())


def _field_writer(field: Field, number: int) -> Writer:
    if field.type == "list" and field.item:
        item = _value_writer(field.item, number)
        return lambda values: b"".join([item(value) for value in values])
    if field.type == "map" and field.item:
        key, value = _delimited_writer(1), _value_writer(field.item, 2)
        entry = _delimited_writer(number)
        return lambda values: b"".join([entry(key(name.encode()) + value(values[name])) for name in sorted(values)])
    return _value_writer(field, number)


def _value_writer(field: Field, number: int) -> Writer:
    """Writes one value. A list that is a map's value (UserInfo.extra) is a message with field 1 repeated."""
    around = _delimited_writer(number)
    if field.union:
        return lambda value: around(_union(field.union, value))
    if field.type == "object":
        return lambda value: around(_message(field, value))
    if field.type == "list":
        inner = _field_writer(field, 1)
        return lambda value: around(inner(value or ()))
    if field.type in ("bool", "int32", "int64"):
        start = tag(number, _VARINT)
        return lambda value: start + varint(int(value))
    if field.type == "double":
        fixed = tag(number, _FIXED64)
        return lambda value: fixed + struct.pack("<d", value)
    content = _CONTENTS[field.type]
    return lambda value: around(content(value))


def _delimited_writer(number: int) -> Callable[[bytes], bytes]:
    start = tag(number, _BYTES)
    return lambda content: start + varint(len(content)) + content


def _message(field: Field, value: Obj | None) -> bytes:
    shape = field.shape
    assert shape is not None
    return _writer(shape)(value or {})


def _union(kind: str, value: Any) -> bytes:
    """apiextensions' schema-or-something: a schema and the something, each with a number."""
    props = types.get(SCHEMA_PROPS)
    if kind == "schemaOrBool":
        if isinstance(value, bool):
            return b"\x08" + varint(int(value))
        return b"\x08\x01" + delimited(2, encode_message(value, props))
    if isinstance(value, dict):
        return delimited(1, encode_message(value, props))
    if kind == "schemaOrArray":
        return b"".join(delimited(2, encode_message(each, props)) for each in value)
    return b"".join(delimited(2, each.encode()) for each in value)


def _int_or_string(value: int | str) -> bytes:
    if isinstance(value, str):
        return b"\x08\x01\x10\x00" + delimited(3, value.encode())
    return b"\x08\x00\x10" + varint(value) + b"\x1a\x00"


def _time(value: str | None) -> bytes:
    """A zero time is an empty message."""
    if not value:
        return b""
    since = datetime.fromisoformat(value) - _EPOCH
    seconds = since.days * 86400 + since.seconds
    return b"\x08" + varint(seconds) + b"\x10" + varint(since.microseconds * 1000)


_CONTENTS: dict[str, Callable[[Any], bytes]] = {
    "string": lambda value: (value or "").encode(),
    "duration": lambda value: (value or "").encode(),
    "bytes": lambda value: b64decode(value or ""),
    "quantity": lambda value: delimited(1, str(value).encode()),
    "intstr": _int_or_string,
    "time": _time,
    "microtime": _time,
    "any": lambda value: delimited(1, dumps_as_go(value)),
}


# -- the wire format: https://protobuf.dev/programming-guides/encoding/


def varint(value: int) -> bytes:
    """Negative numbers take ten bytes, as protobuf's int32 and int64 do."""
    if 0 <= value < 0x80:
        return _SMALL[value]
    value &= (1 << 64) - 1
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def tag(number: int, wire_type: int) -> bytes:
    return varint(number << 3 | wire_type)


def delimited(number: int, value: bytes) -> bytes:
    """A field that is text, bytes or a message."""
    return tag(number, _BYTES) + varint(len(value)) + value
