"""The Swagger 2 document in gnostic's protobuf form, which client-go's discovery and older kubectls ask for.

Holds what those clients read: definitions, and of each operation its id, query parameters and extensions. Field
numbers: OpenAPIv2.proto of github.com/google/gnostic-models. Extensions and defaults are YAML there; JSON is YAML.
"""

from collections.abc import Iterable
from typing import Any

import orjson

from minik.api.openapi import v2
from minik.api.scheme import Scheme
from minik.api.types import Obj

MEDIA_TYPE = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf"
_METHODS = {"get": 2, "put": 3, "post": 4, "delete": 5, "patch": 8}
_SCHEMA_TEXTS = {"$ref": 1, "format": 2, "title": 3, "description": 4, "pattern": 13}
_SCHEMA_NUMBERS = {"maxLength": 11, "minLength": 12, "maxItems": 14, "minItems": 15}
_SCHEMA_NUMBERS |= {"maxProperties": 17, "minProperties": 18}


def document(scheme: Scheme) -> bytes:
    """/openapi/v2 as protobuf."""
    whole = v2.build(scheme)
    info = _text(1, whole["info"]["title"]) + _text(2, whole["info"]["version"])
    paths = b"".join(_named(2, name, _path(item)) for name, item in sorted(whole["paths"].items()))
    definitions = b"".join(_named(1, name, _schema(schema)) for name, schema in sorted(whole["definitions"].items()))
    return _text(1, whole["swagger"]) + _bytes(2, info) + _bytes(8, paths) + _bytes(9, definitions)


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _bytes(number: int, value: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(value)) + value


def _text(number: int, value: str) -> bytes:
    return _bytes(number, value.encode())


def _number(number: int, value: int) -> bytes:
    return _varint(number << 3) + _varint(value)


def _named(number: int, name: str, value: bytes) -> bytes:
    """NamedSchema, NamedPathItem, NamedAny: a name and a message."""
    return _bytes(number, _text(1, name) + _bytes(2, value))


def _any(value: Any) -> bytes:
    return _text(2, orjson.dumps(value).decode())


def _extensions(number: int, value: Obj) -> bytes:
    return b"".join(_named(number, key, _any(item)) for key, item in value.items() if key.startswith("x-"))


def _path(item: Obj) -> bytes:
    return b"".join(_bytes(number, _operation(item[method])) for method, number in _METHODS.items() if method in item)


def _operation(operation: Obj) -> bytes:
    out = _text(3, operation["description"]) + _text(5, operation["operationId"])
    for parameter in operation.get("parameters", ()):
        if parameter["in"] == "query":
            query = _text(2, "query") + _text(3, parameter["description"]) + _text(4, parameter["name"])
            query += _text(6, parameter["type"])
            out += _bytes(8, _bytes(1, _bytes(2, _bytes(3, query))))
    return out + _extensions(13, operation)


def _schema(schema: Obj) -> bytes:
    out = b"".join(_text(number, schema[key]) for key, number in _SCHEMA_TEXTS.items() if schema.get(key))
    out += b"".join(_number(number, schema[key]) for key, number in _SCHEMA_NUMBERS.items() if schema.get(key))
    if "default" in schema:
        out += _bytes(5, _any(schema["default"]))
    out += b"".join(_text(19, name) for name in schema.get("required", ()))
    out += b"".join(_bytes(20, _any(value)) for value in schema.get("enum", ()))
    additional = schema.get("additionalProperties")
    if isinstance(additional, dict):
        out += _bytes(21, _bytes(1, _schema(additional)))
    elif additional is not None:
        out += _bytes(21, _number(2, int(additional)))
    if "type" in schema:
        out += _bytes(22, _text(1, schema["type"]))
    if isinstance(schema.get("items"), dict):
        out += _bytes(23, _bytes(1, _schema(schema["items"])))
    if schema.get("properties"):
        out += _bytes(25, _properties(schema["properties"].items()))
    return out + _extensions(31, schema)


def _properties(properties: Iterable[tuple[str, Obj]]) -> bytes:
    return b"".join(_named(1, name, _schema(schema)) for name, schema in properties)
