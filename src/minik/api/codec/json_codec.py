"""JSON bytes to values and back."""

from typing import Any

import orjson

MAX_DEPTH = 200  # levels; upstream takes 10000, but nothing in the API nests so deep and code here recurses

# Go escapes these, which only occur within strings
_GO_ESCAPES = (
    *((bytes([code]), b"\\u%04x" % code) for code in b"<>&"),
    *((chr(code).encode(), b"\\u%04x" % code) for code in (0x2028, 0x2029)),
)


class JSONError(ValueError):
    """Malformed JSON. `str()` is what Go's encoding/json says."""


def loads(raw: bytes) -> Any:
    """A JSON value. Bytes that are not UTF-8 become U+FFFD, as in Go. Raises JSONError."""
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError:
        value = _second_try(raw)
    if raw.count(b"{") + raw.count(b"[") > MAX_DEPTH and _too_deep(value):
        raise JSONError("exceeded max depth")
    return value


def _too_deep(value: Any) -> bool:
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, (dict, list))
        ]
        if not level:
            return False
    return True


def _second_try(raw: bytes) -> Any:
    from minik.api.schema import syntax

    if problem := syntax.problem(raw):
        raise JSONError(problem)
    try:
        return orjson.loads(raw.decode(errors="replace"))
    except orjson.JSONDecodeError as error:  # lone surrogates, or nested deeper than anything in the API
        raise JSONError(str(error)) from None


def dumps(value: Any) -> bytes:
    """Compact JSON."""
    return orjson.dumps(value)


def dumps_as_go(value: Any) -> bytes:
    """Compact JSON for those who compare it byte by byte with what Go's encoding/json writes."""
    raw = orjson.dumps(value)
    for character, escape in _GO_ESCAPES:
        if character in raw:
            raw = raw.replace(character, escape)
    return raw


def dumps_pretty(value: Any) -> bytes:
    """Indented JSON for people (`?pretty=true`, browsers)."""
    return orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
