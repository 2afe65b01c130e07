"""What a structural schema means to CEL: the types of its fields, and values as expressions see them.

Objects become messages of a descriptor pool made for the schema, so that the engine's checker knows their fields.
What neither messages can say (lists of lists, maps of lists) has dynamic items. Names and types are those of
https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#type-system
"""

import base64
import binascii
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from cel_expr_python import cel
from google.protobuf import descriptor_pb2, descriptor_pool, duration_pb2, struct_pb2, timestamp_pb2

from minik.api.cel.duration import parse_duration
from minik.api.cel.function import MESSAGES
from minik.api.cel.unordered import KeyedList, SetList
from minik.api.types import Obj

_PACKAGE = "object"
_RESERVED = frozenset(
    [
        "true",
        "false",
        "null",
        "in",
        "as",
        "break",
        "const",
        "continue",
        "else",
        "for",
        "function",
        "if",
        "import",
        "let",
        "loop",
        "package",
        "namespace",
        "return",
        "var",
        "void",
        "while",
    ]
)
_LITERALS = ("true", "false", "null", "in")  # which no field can be read by
_NAME = re.compile(r"[a-zA-Z_.\-/][a-zA-Z0-9_.\-/]*")
_ESCAPES = {"__": "__underscores__", ".": "__dot__", "-": "__dash__", "/": "__slash__"}
_SCALARS = {"boolean": 8, "integer": 3, "number": 1, "string": 9}
_MESSAGE, _BYTES, _OPTIONAL, _REPEATED = 11, 12, 1, 3
_STRING_FORMATS = {"duration": "duration", "date": "time", "date-time": "time", "byte": "bytes"}
_OBJECT_META: Obj = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "generateName": {"type": "string"}},
}
_TYPE_META = {"apiVersion": {"type": "string"}, "kind": {"type": "string"}, "metadata": _OBJECT_META}


def escape(name: str) -> str | None:
    """A property's name in expressions; None when expressions cannot name it."""
    if name in _RESERVED:
        return f"__{name}__"
    if not _NAME.fullmatch(name):
        return None
    return re.sub(r"__|[.\-/]", lambda match: _ESCAPES[match[0]], name)


def _names(key: str) -> tuple[str, ...]:
    """What expressions may call a property."""
    escaped = escape(key)
    if escaped is None:
        return ()
    return (escaped, key) if key in _RESERVED and key not in _LITERALS else (escaped,)


def with_type_meta(schema: Obj) -> Obj:
    """A whole object's schema: kind, version and name are always there to be read."""
    properties = schema.get("properties") or {}
    own = (properties.get("metadata") or {}).get("properties") or {}
    if {"apiVersion", "kind"} <= properties.keys() and {"name", "generateName"} <= own.keys():
        return schema
    return {**schema, "properties": {**(schema.get("properties") or {}), **_TYPE_META}}


def properties_of(schema: Obj) -> Obj:
    """The properties of an object's schema, those of embedded objects included."""
    if schema.get("x-kubernetes-embedded-resource"):
        schema = with_type_meta(schema)
    return schema.get("properties") or {}


def is_known(schema: Any) -> bool:
    """Whether a schema says enough for values to be used in expressions."""
    if not isinstance(schema, dict):
        return False
    if schema.get("x-kubernetes-int-or-string"):
        return True
    kind = schema.get("type")
    if kind == "array":
        return is_known(schema.get("items"))
    if kind == "object" and isinstance(schema.get("additionalProperties"), dict):
        return is_known(schema["additionalProperties"])
    return kind == "object" or kind in _SCALARS


# -- types


class Declarations:
    """The types of one schema and of its parts."""

    def __init__(self) -> None:
        self._file = descriptor_pb2.FileDescriptorProto(name="object.proto", package=_PACKAGE, syntax="proto3")
        self._file.dependency.extend(f"google/protobuf/{name}.proto" for name in ("timestamp", "duration", "struct"))

    def type_of(self, schema: Obj) -> Any:
        """The engine's type of a value of `schema`. Call `pool` when all types are declared."""
        if schema.get("x-kubernetes-int-or-string"):
            return cel.Type.DYN
        kind, additional = schema.get("type"), schema.get("additionalProperties")
        if kind == "array":
            return cel.Type.List(self.type_of(schema["items"]) if is_known(schema.get("items")) else cel.Type.DYN)
        if kind == "object" and isinstance(additional, dict):
            item = self.type_of(additional) if is_known(additional) else cel.Type.DYN
            return cel.Type.Map(cel.Type.STRING, item)
        if kind == "object":
            return cel.Type(self._message(schema))
        if kind == "string":
            formats = {"duration": cel.Type.DURATION, "time": cel.Type.TIMESTAMP, "bytes": cel.Type.BYTES}
            return formats.get(_STRING_FORMATS.get(schema.get("format", ""), ""), cel.Type.STRING)
        scalars = {"boolean": cel.Type.BOOL, "integer": cel.Type.INT, "number": cel.Type.DOUBLE}
        return scalars.get(str(kind), cel.Type.DYN)

    def pool(self) -> Any:
        pool = descriptor_pool.DescriptorPool()
        for module in (timestamp_pb2, duration_pb2, struct_pb2):
            pool.AddSerializedFile(module.DESCRIPTOR.serialized_pb)
        for name in MESSAGES:
            package, _, own = name.rpartition(".")
            file = descriptor_pb2.FileDescriptorProto(name=f"{name}.proto", package=package, syntax="proto3")
            file.message_type.add(name=own)
            pool.AddSerializedFile(file.SerializeToString())
        pool.AddSerializedFile(self._file.SerializeToString())
        return pool

    def _message(self, schema: Obj) -> str:
        name = f"Type{len(self._file.message_type)}"
        message = self._file.message_type.add(name=name)
        message.options.deprecated_legacy_json_field_conflicts = True  # fooBar and foo_bar may both be there
        fields = [(each, part) for key, part in properties_of(schema).items() if is_known(part) for each in _names(key)]
        for number, (each, part) in enumerate(fields, 1):
            self._field(message, each, number, part)
        return f"{_PACKAGE}.{name}"

    def _field(self, message: Any, name: str, number: int, schema: Obj) -> None:
        field = message.field.add(name=name, number=number, label=_OPTIONAL, json_name=f"f{number}")
        kind, additional = schema.get("type"), schema.get("additionalProperties")
        if schema.get("x-kubernetes-int-or-string"):
            self._set(field, _MESSAGE, "google.protobuf.Value")
        elif kind == "array":
            field.label = _REPEATED
            self._item(field, schema["items"])
        elif kind == "object" and isinstance(additional, dict) and not _is_taken(message, name):
            entry = message.nested_type.add(name=_entry_name(name))
            entry.options.map_entry = True
            entry.field.add(name="key", number=1, label=_OPTIONAL, type=9)
            self._item(entry.field.add(name="value", number=2, label=_OPTIONAL), additional)
            field.label = _REPEATED
            owner = f"{_PACKAGE}.{message.name}.{entry.name}"
            self._set(field, _MESSAGE, owner)
        else:
            self._item(field, schema)

    def _item(self, field: Any, schema: Obj) -> None:
        """The type of a field, list item or map value."""
        kind, additional = schema.get("type"), schema.get("additionalProperties")
        if schema.get("x-kubernetes-int-or-string"):
            self._set(field, _MESSAGE, "google.protobuf.Value")
        elif kind == "array":
            self._set(field, _MESSAGE, "google.protobuf.ListValue")
        elif kind == "object" and isinstance(additional, dict):
            self._set(field, _MESSAGE, "google.protobuf.Struct")
        elif kind == "object":
            self._set(field, _MESSAGE, self._message(schema))
        elif kind == "string" and schema.get("format") in _STRING_FORMATS:
            form = _STRING_FORMATS[schema["format"]]
            names = {"duration": "google.protobuf.Duration", "time": "google.protobuf.Timestamp"}
            self._set(field, _MESSAGE if form in names else _BYTES, names.get(form, ""))
        else:
            field.type = _SCALARS[str(kind)]

    def _set(self, field: Any, kind: int, name: str) -> None:
        field.type = kind
        if name:
            field.type_name = f".{name}"


def _is_taken(message: Any, field: str) -> bool:
    return any(nested.name == _entry_name(field) for nested in message.nested_type)


def _entry_name(field: str) -> str:
    """What protobuf calls the entries of a map field."""
    return "".join(part[:1].upper() + part[1:] for part in field.split("_")) + "Entry"


# -- values


def value_of(value: Any, schema: Obj, *, lists: bool = False) -> Any:
    """A JSON value as expressions see it. What does not fit its type is left as it is.

    `lists`: with sets and maps as lists of their own kinds, which only the interpreter takes.
    """
    if value is None or schema.get("x-kubernetes-int-or-string"):
        return value
    if isinstance(value, list):
        return _list(value, schema, lists)
    if isinstance(value, dict):
        return _object(value, schema, lists)
    if isinstance(value, str):
        return _string(value, schema.get("format", ""))
    if schema.get("type") == "number" and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    return int(value) if schema.get("type") == "integer" and isinstance(value, float) else value


def _list(value: list[Any], schema: Obj, lists: bool) -> list[Any]:
    items = schema.get("items") or {}
    made = [value_of(item, items, lists=lists) for item in value]
    kind = schema.get("x-kubernetes-list-type") if lists else None
    if kind == "set" and not any(isinstance(item, list | dict) for item in made):
        return SetList(made)
    if kind == "map":
        keys = (escape(key) or key for key in schema.get("x-kubernetes-list-map-keys") or ())
        return KeyedList(made, tuple(keys))
    return made


def _object(value: Obj, schema: Obj, lists: bool) -> Obj:
    additional = schema.get("additionalProperties")
    if isinstance(additional, dict):
        return {key: value_of(item, additional, lists=lists) for key, item in value.items()}
    properties = properties_of(schema)
    out = {}
    for key, item in value.items():
        part = properties.get(key)
        if part is None or not is_known(part):
            out[key] = item  # out of the reach of expressions, but it counts when objects are compared
        elif item is not None:  # fields that are null are not there
            seen = value_of(item, part, lists=lists)
            out.update(dict.fromkeys(_names(key) or (key,), seen))
    return out


def _string(value: str, form: str) -> Any:
    convert = _FORMATS.get(form)
    if convert is None:
        return value
    try:
        return convert(value)
    except (ValueError, binascii.Error):
        return value


def _time(text: str) -> Any:
    found = datetime.fromisoformat(text)
    out = timestamp_pb2.Timestamp()
    out.FromDatetime(found if found.tzinfo else found.replace(tzinfo=UTC))
    return out


def _duration(text: str) -> Any:
    out = duration_pb2.Duration()
    out.FromTimedelta(parse_duration(text))
    return out


_FORMATS: dict[str, Callable[[str], Any]] = {
    "duration": _duration,
    "date": _time,
    "date-time": _time,
    "byte": lambda text: base64.b64decode(text, validate=True),
}
