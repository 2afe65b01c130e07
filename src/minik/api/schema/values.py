"""Single values that have a form of their own: quantities, times, int-or-strings, base64.

Each is read as upstream's UnmarshalJSON reads it and written in its canonical form. Error texts: Go's encoding/json,
time and base64, apimachinery's resource package.
"""

from binascii import Error as Base64Error
from binascii import a2b_base64, b2a_base64
from collections.abc import Callable
from typing import Any

from minik.api import quantity
from minik.api.schema import clock


class TypeMismatch(ValueError):
    """A value that does not fit its field. `str()` is Go's text."""

    def __init__(self, found: str, go_type: str) -> None:
        self.found = found
        self.go_type = go_type
        self.struct = ""
        self.path: list[str] = []

    def inside(self, struct: str, name: str) -> None:
        """The mismatch lies under field `name` of `struct` (called from the innermost to the outermost)."""
        self.struct = self.struct or struct
        self.path.insert(0, name)

    def __str__(self) -> str:
        if not self.struct:
            return f"json: cannot unmarshal {self.found} into Go value of type {self.go_type}"
        field = f"{self.struct}.{'.'.join(self.path)}"
        return f"json: cannot unmarshal {self.found} into Go struct field {field} of type {self.go_type}"


class BadValue(ValueError):
    """A value with a syntax of its own (time, quantity, base64) that does not parse. `str()` is upstream's text."""


def found(value: Any) -> str:
    """How Go's json names what it found."""
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, (int, float)):
        return "number"
    if isinstance(value, str):
        return "string"
    return "array" if isinstance(value, list) else "object"


def canonical_base64(text: str) -> str:
    if "\n" in text or "\r" in text:  # Go skips line ends
        text = text.replace("\n", "").replace("\r", "")
    try:
        return b2a_base64(a2b_base64(text, strict_mode=True), newline=False).decode()
    except (Base64Error, ValueError):
        raise BadValue(f"illegal base64 data at input byte {_base64_offset(text)}") from None


def _base64_offset(text: str) -> int:
    """Where Go stops: at the first foreign character, or where the padding or the end is wrong."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    at = next((i for i, char in enumerate(text) if char not in alphabet), len(text))
    if at == len(text):
        return at - at % 4 if at % 4 == 1 else at
    if text[at] == "=" and at % 4 >= 2:
        padding = 4 - at % 4
        if text[at : at + padding] == "=" * padding:
            return at + padding  # something follows the padding
        return len(text) if at + 1 == len(text) else at + 1
    return at


def _parse_quantity(value: Any) -> str:
    try:
        return quantity.canonical(value if value.__class__ is str else _number_text(value))
    except quantity.QuantityError as error:
        raise BadValue(str(error)) from None


def _number_text(value: Any) -> str:
    if isinstance(value, float) and value == int(value) and abs(value) < 1e15:
        return str(int(value))
    return "true" if value is True else str(value)


def _parse_int_or_string(value: Any) -> int | str:
    if value.__class__ is str:
        return str(value)
    if value.__class__ is int and -(1 << 31) <= value < 1 << 31:
        return int(value)
    raise TypeMismatch(f"number {value}" if value.__class__ in (int, float) else found(value), "int32")


def _parse_time(value: Any) -> str:
    if value.__class__ is not str:
        raise TypeMismatch(found(value), "string")
    try:
        return clock.canonical(value)
    except ValueError as error:
        raise BadValue(str(error)) from None


def _parse_micro_time(value: Any) -> str:
    if value.__class__ is not str:
        raise TypeMismatch(found(value), "string")
    try:
        return clock.canonical_micro(value)
    except ValueError as error:
        raise BadValue(str(error)) from None


def _parse_duration(value: Any) -> str:
    if value.__class__ is not str:
        raise TypeMismatch(found(value), "string")
    return str(value)


PARSERS: dict[str, Callable[[Any], Any]] = {
    "quantity": _parse_quantity,
    "intstr": _parse_int_or_string,
    "time": _parse_time,
    "microtime": _parse_micro_time,
    "duration": _parse_duration,
}
