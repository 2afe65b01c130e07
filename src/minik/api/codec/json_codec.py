"""JSON bytes to values and back."""

from typing import Any

import orjson


class JSONError(ValueError):
    """Malformed JSON. `str()` is what Go's encoding/json says."""


def loads(raw: bytes) -> Any:
    """A JSON value. Bytes that are not UTF-8 become U+FFFD, as in Go. Raises JSONError."""
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError:
        return _second_try(raw)


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


def dumps_line(value: Any) -> bytes:
    """Compact JSON with a newline at the end, as upstream answers it."""
    return orjson.dumps(value, option=orjson.OPT_APPEND_NEWLINE)


def dumps_pretty(value: Any) -> bytes:
    """Indented JSON for people (`?pretty=true`, browsers)."""
    return orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
