"""The Swagger 2 document in gnostic's protobuf form, which client-go's discovery and older kubectls ask for.

Holds what those clients read: definitions, and of each operation its id, query parameters and extensions. Field
numbers: OpenAPIv2.proto of github.com/google/gnostic-models. Extensions and defaults are YAML there; JSON is YAML.
"""

from collections.abc import Iterable
from typing import Any

import orjson

from minik.api.codec.protobuf_encode import delimited, varint
from minik.api.openapi import v2
from minik.api.scheme import Scheme
from minik.api.types import Obj

# As upstream answers it: what clients ask for ("v2@v1.0") is no media type that Go can parse.
MEDIA_TYPE = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"
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
    return _text(1, whole["swagger"]) + delimited(2, info) + delimited(8, paths) + delimited(9, definitions)


def _text(number: int, value: str) -> bytes:
    return delimited(number, value.encode())


def _number(number: int, value: int) -> bytes:
    return varint(number << 3) + varint(value)


def _named(number: int, name: str, value: bytes) -> bytes:
    """NamedSchema, NamedPathItem, NamedAny: a name and a message."""
    return delimited(number, _text(1, name) + delimited(2, value))


def _any(value: Any) -> bytes:
    return _text(2, orjson.dumps(value).decode())


def _extensions(number: int, value: Obj) -> bytes:
    return b"".join(_named(number, key, _any(item)) for key, item in value.items() if key.startswith("x-"))


def _path(item: Obj) -> bytes:
    return b"".join(
        delimited(number, _operation(item[method])) for method, number in _METHODS.items() if method in item
    )


def _operation(operation: Obj) -> bytes:
    out = _text(3, operation["description"]) + _text(5, operation["operationId"])
    for parameter in operation.get("parameters", ()):
        if parameter["in"] == "query":
            query = _text(2, "query") + _text(3, parameter["description"]) + _text(4, parameter["name"])
            query += _text(6, parameter["type"])
            out += delimited(8, delimited(1, delimited(2, delimited(3, query))))
    return out + _extensions(13, operation)


def _schema(schema: Obj) -> bytes:
    out = b"".join(_text(number, schema[key]) for key, number in _SCHEMA_TEXTS.items() if schema.get(key))
    out += b"".join(_number(number, schema[key]) for key, number in _SCHEMA_NUMBERS.items() if schema.get(key))
    if "default" in schema:
        out += delimited(5, _any(schema["default"]))
    out += b"".join(_text(19, name) for name in schema.get("required", ()))
    out += b"".join(delimited(20, _any(value)) for value in schema.get("enum", ()))
    additional = schema.get("additionalProperties")
    if isinstance(additional, dict):
        out += delimited(21, delimited(1, _schema(additional)))
    elif additional is not None:
        out += delimited(21, _number(2, int(additional)))
    if "type" in schema:
        out += delimited(22, _text(1, schema["type"]))
    if isinstance(schema.get("items"), dict):
        out += delimited(23, delimited(1, _schema(schema["items"])))
    if schema.get("properties"):
        out += delimited(25, _properties(schema["properties"].items()))
    return out + _extensions(31, schema)


def _properties(properties: Iterable[tuple[str, Obj]]) -> bytes:
    return b"".join(_named(1, name, _schema(schema)) for name, schema in properties)
