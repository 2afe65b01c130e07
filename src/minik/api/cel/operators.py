"""The operators of the language over plain Python values, as far as the interpreter needs them fast.

Values the engine alone understands (timestamps, durations, bytes in arithmetic) raise NotHere, and the engine is asked.
"""

import operator
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from minik.api.cel.unordered import Unordered

_LEAST, _MOST = -(1 << 63), (1 << 63) - 1
_NO_INDEX = "unsupported index type '{}' in list"
_PLAIN = (int, str, float, bool)


class Failed(Exception):
    """An expression's error. The text is cel-go's."""


class Optional(NamedTuple):
    value: Any


NONE = Optional(None)


class TypeName(NamedTuple):
    """What type() gives and type names stand for."""

    name: str


Step = Callable[[dict[str, Any]], Any]


def truth(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    raise Failed("no such overload")


def either(one: Step, other: Step, scope: dict[str, Any], *, decisive: bool) -> bool:
    """Logical and (`decisive` False) and or: a decisive value outweighs an error on the other side."""
    failure: Failed | None = None
    try:
        if truth(one(scope)) is decisive:
            return decisive
    except Failed as error:
        failure = error
    second = truth(other(scope))
    if second is not decisive and failure is not None:
        raise failure
    return second


def select(value: Any, field: str) -> Any:
    if isinstance(value, Optional):
        return NONE if value is NONE or not has(value.value, field) else Optional(value.value[field])
    if isinstance(value, list):
        raise Failed(_NO_INDEX.format("string"))
    if not isinstance(value, dict):
        raise Failed(f"no such key: {field}")
    try:
        return value[field]
    except KeyError:
        raise Failed(f"no such key: {field}") from None


def has(value: Any, field: str) -> bool:
    if isinstance(value, Optional):
        return value is not NONE and has(value.value, field)
    if isinstance(value, list):
        raise Failed(_NO_INDEX.format("string"))
    return isinstance(value, dict) and field in value


def items_of(value: Any) -> Sequence[Any]:
    """What a loop goes over."""
    if isinstance(value, dict):
        return list(value)
    if isinstance(value, list):
        return value
    kind = {"null_type": "Null"}.get(_type(value).name, _type(value).name.capitalize())
    raise Failed(f"got 'types.{kind}', expected iterable type")


def equal(one: Any, other: Any) -> bool:
    """Booleans are no numbers."""
    if type(one) is type(other) and type(one) in _PLAIN:
        return bool(one == other)
    if isinstance(one, bool) is not isinstance(other, bool):
        return False
    if isinstance(one, list) and isinstance(other, list):
        if isinstance(one, Unordered):
            return one.same(other, equal)
        return len(one) == len(other) and all(map(equal, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(equal(one[key], other[key]) for key in one)
    return bool(one == other)


def index(value: Any, key: Any) -> Any:
    if isinstance(value, Optional):
        return NONE if value is NONE else _optional_index(value.value, key)
    if isinstance(value, list):
        if isinstance(key, float) and key.is_integer():
            key = int(key)
        if isinstance(key, bool) or not isinstance(key, int):
            raise Failed(_NO_INDEX.format(_type(key).name))
        if not 0 <= key < len(value):
            raise Failed(f"index out of bounds: {key}")
        return value[key]
    if isinstance(value, dict):
        try:
            return value[key]
        except (KeyError, TypeError):
            raise Failed(f"no such key: {key}") from None
    raise Failed(f"no such key: {key}")


def _optional_index(value: Any, key: Any) -> Any:
    if isinstance(value, Optional):
        return NONE if value is NONE else _optional_index(value.value, key)
    try:
        return Optional(index(value, key))
    except Failed:
        if isinstance(value, list) and not isinstance(key, int):
            raise
        return NONE


def _contained(item: Any, where: Any) -> bool:
    if isinstance(where, dict):
        return item in where
    if isinstance(where, list):
        return any(equal(item, each) for each in where)
    raise Failed("no such overload")


def _compared(how: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    def compare(one: Any, other: Any) -> bool:
        try:
            return how(one, other)
        except TypeError:
            raise Failed("no such overload") from None

    return compare


def _added(one: Any, other: Any) -> Any:
    if isinstance(one, int) and isinstance(other, int):
        return _bounded(one + other)
    try:
        return one + other
    except TypeError:
        raise Failed("no such overload") from None


def _calculated(how: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    def calculate(one: Any, other: Any) -> Any:
        try:
            return _bounded(how(one, other))
        except TypeError:
            raise Failed("no such overload") from None

    return calculate


def _bounded(value: Any) -> Any:
    if isinstance(value, int) and not _LEAST <= value <= _MOST:
        raise Failed("integer overflow")
    return value


def _divided(one: Any, other: Any) -> Any:
    if isinstance(one, int) and isinstance(other, int):
        if not other:
            raise Failed("division by zero")
        quotient = abs(one) // abs(other)
        return _bounded(quotient if (one < 0) == (other < 0) else -quotient)
    if isinstance(one, float) and isinstance(other, float):
        return one / other if other else float("nan")
    raise Failed("no such overload")


def _remainder(one: Any, other: Any) -> Any:
    if not isinstance(one, int) or not isinstance(other, int):
        raise Failed("no such overload")
    if not other:
        raise Failed("modulus by zero")
    return one - _divided(one, other) * other


def _value(optional: Any) -> Any:
    if not isinstance(optional, Optional):
        raise Failed("no such overload")
    if optional is NONE:
        raise Failed("optional.none() dereference")
    return optional.value


def _type(value: Any) -> TypeName:
    names = {bool: "bool", int: "int", float: "double", str: "string", bytes: "bytes", list: "list", dict: "map"}
    return TypeName("null_type" if value is None else names.get(type(value), "type"))


def _size(value: Any) -> int:
    if isinstance(value, str | bytes | list | dict):
        return len(value)
    raise Failed("no such overload")


def _char_at(text: Any, place: Any) -> str:
    _text_and_places(text, place)
    if not 0 <= place <= len(text):
        raise Failed(f"index out of range: {place}")
    return str(text[place : place + 1])


def _substring(text: Any, start: Any, end: Any = None) -> str:
    _text_and_places(text, start, 0 if end is None else end)
    until = len(text) if end is None else end
    if end is not None and start > end:
        raise Failed(f"invalid substring range. start: {start}, end: {end}")
    for place in (start, until):
        if not 0 <= place <= len(text):
            raise Failed(f"index out of range: {place}")
    return str(text[start:until])


def _text_and_places(text: Any, *places: Any) -> None:
    if not isinstance(text, str) or not all(type(place) is int for place in places):
        raise Failed("no such overload")


IMPLEMENTED: dict[str, Callable[..., Any]] = {
    "_==_": equal,
    "_!=_": lambda one, other: not equal(one, other),
    "_<_": _compared(operator.lt),
    "_<=_": _compared(operator.le),
    "_>_": _compared(operator.gt),
    "_>=_": _compared(operator.ge),
    "_+_": _added,
    "_-_": _calculated(operator.sub),
    "_*_": _calculated(operator.mul),
    "_/_": _divided,
    "_%_": _remainder,
    "-_": lambda value: _bounded(-value),
    "!_": lambda value: not truth(value),
    "@in": _contained,
    "in": _contained,
    "_[_]": index,
    "_?._": _optional_index,
    "_[?_]": _optional_index,
    "optional.of": Optional,
    "optional.none": lambda: NONE,
    "optional.ofNonZeroValue": lambda value: Optional(value) if value else NONE,
    "hasValue": lambda optional: optional is not NONE,
    "value": _value,
    "dyn": lambda value: value,
    "type": _type,
    "size": _size,
    "charAt": _char_at,
    "substring": _substring,
    "keys__": lambda items: sorted(items) if isinstance(items, dict) else list(range(len(items))),
}
