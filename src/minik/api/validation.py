"""Field errors and the validators that many kinds share.

A validator takes plain objects and returns a list of FieldError in upstream's order; `invalid` turns the
list into the 422 Status. Texts and reasons: apimachinery's `field` and `validation` packages.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from minik.api import go_floats
from minik.api.status import StatusError

# reason (StatusCause.reason) -> how the message starts
NOT_FOUND, REQUIRED, DUPLICATE, INVALID, NOT_SUPPORTED, FORBIDDEN, TOO_LONG, TOO_MANY, INTERNAL, TYPE_INVALID = (
    "FieldValueNotFound",
    "FieldValueRequired",
    "FieldValueDuplicate",
    "FieldValueInvalid",
    "FieldValueNotSupported",
    "FieldValueForbidden",
    "FieldValueTooLong",
    "FieldValueTooMany",
    "InternalError",
    "FieldValueTypeInvalid",
)
_TEXT = {
    NOT_FOUND: "Not found",
    REQUIRED: "Required value",
    DUPLICATE: "Duplicate value",
    INVALID: "Invalid value",
    NOT_SUPPORTED: "Unsupported value",
    FORBIDDEN: "Forbidden",
    TOO_LONG: "Too long",
    TOO_MANY: "Too many",
    INTERNAL: "Internal error",
    TYPE_INVALID: "Invalid value",
}
# Go quotes control characters in its own way.
_CONTROL = re.compile(r"\\u00([01][0-9a-f]|7f)")
_ESCAPES = {"07": "\\a", "0b": "\\v"}
_WITHOUT_VALUE = {REQUIRED, FORBIDDEN, TOO_LONG, INTERNAL}
# The value of an INVALID error that shows none (upstream's OmitValueType).
OMITTED: Any = object()


@dataclass(frozen=True, slots=True)
class FieldError:
    """One complaint about one field. `field` is a path such as `spec.containers[0].name`."""

    reason: str
    field: str
    value: Any = None
    detail: str = ""
    tolerated: bool = False  # what the old object already was: the client is only warned

    @property
    def body(self) -> str:
        """The complaint without the field path (StatusCause.message)."""
        text = _TEXT[self.reason]
        if self.reason not in _WITHOUT_VALUE and self.value is not OMITTED:
            text += f": {show(self.value)}"
        return f"{text}: {self.detail}" if self.detail else text

    def __str__(self) -> str:
        return f"{self.field}: {self.body}"


def show(value: Any) -> str:
    """A value as upstream prints it in messages: strings quoted, numbers bare, objects as JSON."""
    if isinstance(value, str):
        quoted = orjson.dumps(value).decode()
        return (
            _CONTROL.sub(lambda match: _ESCAPES.get(match[1], f"\\x{match[1]}"), quoted)
            if "\\u00" in quoted
            else quoted
        )
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return go_floats.shortest(value)
    if isinstance(value, int):
        return str(value)
    return orjson.dumps(value).decode().replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def required(field: str, detail: str = "") -> FieldError:
    return FieldError(REQUIRED, field, "", detail)


def invalid_value(field: str, value: Any, detail: str) -> FieldError:
    return FieldError(INVALID, field, value, detail)


def duplicate(field: str, value: Any) -> FieldError:
    return FieldError(DUPLICATE, field, value)


def not_found(field: str, value: Any) -> FieldError:
    return FieldError(NOT_FOUND, field, value)


def not_supported(field: str, value: Any, supported: Sequence[str]) -> FieldError:
    """`supported` is printed in the order given (upstream sorts sets)."""
    listed = ", ".join(show(item) for item in supported)
    return FieldError(NOT_SUPPORTED, field, value, f"supported values: {listed}" if supported else "")


def forbidden(field: str, detail: str) -> FieldError:
    return FieldError(FORBIDDEN, field, "", detail)


def too_long(field: str, maximum: int) -> FieldError:
    return FieldError(TOO_LONG, field, "", f"may not be more than {maximum} bytes")


def too_many(field: str, actual: int, maximum: int) -> FieldError:
    return FieldError(TOO_MANY, field, actual, f"must have at most {maximum} items")


def invalid(group: str, kind: str, name: str, errors: Sequence[FieldError]) -> StatusError:
    """The 422 answered for a list of field errors (apimachinery's NewInvalid)."""
    qualified = f"{kind}.{group}" if group else kind
    texts = list(dict.fromkeys(str(error) for error in errors))
    joined = texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"
    causes = [{"reason": e.reason, "message": e.body, "field": e.field} for e in errors]
    return StatusError(
        422, "Invalid", f'{qualified} "{name}" is invalid: {joined}', name=name, group=group, kind=kind, causes=causes
    )
