"""'%s of %d'.format([x, 2]), and the other functions on strings whose results differ between cel-go and the engine.

Upstream: cel-go's ext/formatting.go, the formatting of version 2 of the library: texts in lists and maps are quoted,
and numbers follow the customs of American English.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from minik.api import go_floats
from minik.api.cel.function import Function, kind_of
from minik.api.patch.go_print import quoted as go_quoted

_DIGITS = 6  # after the point, when none are asked for
_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_INTEGERS = ("int", "uint")
TAKES: dict[str, tuple[tuple[str, ...], str]] = {
    "d": (_INTEGERS, "decimal clause can only be used on integers"),
    "f": (("double", "string"), "fixed-point clause can only be used on doubles"),
    "e": (("double", "string"), "scientific clause can only be used on doubles"),
    "b": ((*_INTEGERS, "bool"), "only integers and bools can be formatted as binary"),
    "x": ((*_INTEGERS, "string", "bytes"), "only integers, byte buffers, and strings can be formatted as hex"),
    "X": ((*_INTEGERS, "string", "bytes"), "only integers, byte buffers, and strings can be formatted as hex"),
    "o": (_INTEGERS, "octal clause can only be used on integers"),
    "s": (
        (*_INTEGERS, "list", "map", "double", "bool", "string", "timestamp", "bytes", "duration", "type", "null_type"),
        "string clause can only be used on strings, bools, bytes, ints, doubles, maps, lists, types, durations, "
        "and timestamps",
    ),
}
"""What each clause takes, and the complaint about anything else."""


class Clause(NamedTuple):
    """`before`: the text since the last clause. `letter` "" at the end of the format."""

    before: str
    letter: str
    digits: int


def clauses(text: str, count: int) -> Iterator[Clause]:
    """The parts of a format for `count` arguments. Raises ValueError."""
    place, before, used = 0, "", 0
    while place < len(text):
        if text[place] != "%" or text[place + 1 : place + 2] == "%":
            before += text[place]
            place += 1 if text[place] != "%" else 2
            continue
        if place + 1 == len(text):
            raise ValueError("unexpected end of string" if used < count else f"index {used} out of range")
        if used >= count:
            raise ValueError(f"index {used} out of range")
        place, digits = _precision(text, place + 1)
        letter = text[place]
        if letter not in TAKES:
            raise ValueError(f'could not parse formatting clause: unrecognized formatting clause "{letter}"')
        yield Clause(before, letter, digits)
        place, before, used = place + 1, "", used + 1
    yield Clause(before, "", 0)


def _precision(text: str, place: int) -> tuple[int, int]:
    """Where the letter of a clause stands, and how many digits it wants."""
    if text[place] != ".":
        return place, _DIGITS
    what = "could not parse formatting clause: error while parsing precision"
    end = place + 1
    while end < len(text) and text[end] in "0123456789":
        end += 1
    if end == len(text):
        raise ValueError(f"{what}: could not find end of precision specifier")
    if end == place + 1:
        raise ValueError(
            f'{what}: error while converting precision to integer: strconv.Atoi: parsing "": invalid syntax'
        )
    return end, int(text[place + 1 : end])


def _format(text: str, values: Sequence[Any]) -> str:
    parts: list[str] = []
    for place, (before, letter, digits) in enumerate(clauses(text, len(values))):
        parts.append(before)
        if letter:
            value = values[place]
            kinds, complaint = TAKES[letter]
            kind = type_name(value)
            if kind not in kinds or (letter in "ef" and kind == "string" and value not in _NO_NUMBERS):
                raise ValueError(f"error during formatting: {complaint}, was given {kind}")
            parts.append(_CLAUSES[letter](value, digits))
    return "".join(parts)


_NO_NUMBERS = ("NaN", "Infinity", "-Infinity")
_KINDS: tuple[tuple[type | tuple[type, ...], str], ...] = (
    (bool, "bool"),
    (int, "int"),
    (float, "double"),
    (str, "string"),
    ((bytes, bytearray), "bytes"),
    (list, "list"),
    (dict, "map"),
    (datetime, "google.protobuf.Timestamp"),
    (timedelta, "google.protobuf.Duration"),
    (type(None), "null_type"),
)


def type_name(value: Any) -> str:
    """The name of a value's type at run time, times and durations without their package."""
    name = kind_of(value) or next((name for kind, name in _KINDS if isinstance(value, kind)), "type")
    return name.removeprefix("google.protobuf.").lower() if name.startswith("google.") else name


# -- clauses


def _plain(value: Any, _: int = 0) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case float():
            return go_floats.shortest(value)
        case str() | int():
            return str(value)
        case bytes() | bytearray():
            try:
                return value.decode()
            except UnicodeDecodeError:
                raise ValueError("error during formatting: invalid UTF-8 in bytes, cannot convert to string") from None
        case list():
            return f"[{', '.join(_inner(item) for item in value)}]"
        case dict():
            pairs = sorted((_inner(key), _inner(part)) for key, part in value.items())
            return f"{{{', '.join(f'{key}:{part}' for key, part in pairs)}}}"
        case datetime():
            return _time(value)
        case timedelta():
            return f"{_seconds(value)}s"
    name = value.name  # of a type, the engine's or the interpreter's
    return str(name if isinstance(name, str) else name().lower())


def _inner(value: Any) -> str:
    """A part of a list or map, as a literal."""
    match value:
        case str():
            return go_quoted(value)
        case bytes() | bytearray():
            return f"b{go_quoted(_plain(value))}"
        case datetime():
            return f'timestamp("{_plain(value)}")'
        case timedelta():
            return f'duration("{_plain(value)}")'
        case float():
            return f"{value:.{_DIGITS}f}" if math.isfinite(value) else f'"{go_floats.shortest(value)}"'
    return _plain(value)


def _time(value: datetime) -> str:
    text = value.astimezone(UTC).isoformat(timespec="microseconds").removesuffix("+00:00")
    return f"{text.rstrip('0').rstrip('.')}Z"


def _seconds(value: timedelta) -> str:
    micro = value // timedelta(microseconds=1)
    return f"{Decimal(micro).scaleb(-6).normalize():f}"


def _number(value: Any) -> float:
    return float(value)


def _fixed(value: Any, digits: int) -> str:
    number = _number(value)
    return f"{number:,.{digits}f}" if math.isfinite(number) else _symbol(number)


def _scientific(value: Any, digits: int) -> str:
    number = _number(value)
    if not math.isfinite(number):
        return _symbol(number)
    mantissa, _, exponent = f"{number:.{digits}e}".partition("e")
    return f"{mantissa}×10{exponent.removeprefix('+').translate(_RAISED)}"


def _symbol(number: float) -> str:
    return "NaN" if math.isnan(number) else "∞" if number > 0 else "-∞"


def _hexadecimal(value: Any, _: int) -> str:
    if isinstance(value, str):
        return value.encode().hex()
    return value.hex() if isinstance(value, bytes | bytearray) else f"{value:x}"


_CLAUSES: dict[str, Callable[[Any, int], str]] = {
    "s": _plain,
    "d": lambda value, _: str(value),
    "f": _fixed,
    "e": _scientific,
    "b": lambda value, _: f"{int(value):b}",
    "x": _hexadecimal,
    "X": lambda value, _: _hexadecimal(value, 0).upper(),
    "o": lambda value, _: f"{value:o}",
}


# -- the other functions

_ESCAPES = {"\a": r"\a", "\b": r"\b", "\f": r"\f", "\n": r"\n", "\r": r"\r", "\t": r"\t", "\v": r"\v"}


def _quote(text: str) -> str:
    escaped = "".join({**_ESCAPES, "\\": "\\\\", '"': '\\"'}.get(character, character) for character in text)
    return f'"{escaped}"'


def _join(items: Sequence[Any], separator: str = "") -> str:
    if not all(isinstance(item, str) for item in items):
        raise ValueError("no such overload")
    return separator.join(items)


FUNCTIONS = (
    Function("format", ("string", "list"), "string", _format, overload="string_format"),
    Function("strings.quote", ("string",), "string", _quote, member=False, overload="strings_quote"),
    Function("join", ("list<string>",), "string", _join, overload="list_join"),
    Function("join", ("list<string>", "string"), "string", _join, overload="list_join_string"),
)
