"""Paths such as `.spec.ports['http'].number` that definitions use to point at fields of their schema.

Upstream: apiextensions-apiserver's ValidFieldPath, with its texts.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from minik.api.types import Obj


class FieldPathError(ValueError):
    """The path does not lead to a field."""


class Field(NamedTuple):
    """Where a path leads to, and the path as field errors print it: keys of maps are in brackets."""

    schema: Obj
    shown: str


_TOKEN = re.compile(r"'(?:[^'\\]|\\.)*'|'.*|[.\[\]]|[^.\[\]]+", re.DOTALL)
_ESCAPES = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "'": "'", "\\": "\\"}
_END = "unexpected end of JSON path"


def follow(path: str, schema: Obj, *, brackets: bool = True) -> Field:
    """Raises FieldPathError. `brackets` off allows no `['key']`."""
    tokens, shown = iter(_TOKEN.findall(path)), ""
    for token in tokens:
        if token == ".":
            name = _next(tokens)
        elif token == "[":
            if not brackets:
                raise FieldPathError("array notation is not allowed")
            quoted = _next(tokens)
            if len(quoted) < 2 or quoted[0] != "'" or quoted[-1] != "'":
                raise FieldPathError(f"expected single quoted string but got {quoted}")
            name = _unescaped(quoted[1:-1])
        else:
            raise FieldPathError(f"expected [ or . but got: {token}")
        schema, shown = _step(schema, name, shown)
        if token == "[" and (closing := _next(tokens)) != "]":
            raise FieldPathError(f"expected ] but got {closing}")
    return Field(schema, shown.removeprefix("."))


def _next(tokens: Iterator[str]) -> str:
    found = next(tokens, None)
    if found is None:
        raise FieldPathError(_END)
    return found


def _unescaped(text: str) -> str:
    def replaced(match: re.Match[str]) -> str:
        if match[1] not in _ESCAPES:
            raise FieldPathError(f"invalid string literal: invalid escape char {match[0]}")
        return _ESCAPES[match[1]]

    return re.sub(r"\\(.)", replaced, text)


def _step(schema: Obj, name: str, shown: str) -> tuple[Obj, str]:
    properties, additional = schema.get("properties"), schema.get("additionalProperties")
    if properties:
        if name not in properties:
            raise FieldPathError("does not refer to a valid field")
        return properties[name], f"{shown}.{name}"
    if not isinstance(additional, dict):
        raise FieldPathError("does not refer to a valid field")
    return additional, f"{shown}[{name}]"


def joined(path: str, schema: Obj) -> str:
    """What to put behind a field's path for a path within it; "" for one that leads nowhere."""
    try:
        return f".{follow(path, schema).shown}"
    except FieldPathError:
        return ""
