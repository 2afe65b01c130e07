"""quantity('1Gi') and semver('1.2.3'): parsing, comparing and adding.

https://kubernetes.io/docs/reference/using-api/cel/#kubernetes-quantity-library
"""

from collections.abc import Callable
from fractions import Fraction
from typing import Any

from minik.api import quantity as quantities
from minik.api.cel import semantic_version
from minik.api.cel.function import QUANTITY, SEMVER, Function, boxed, unboxed


def _quantity(text: str) -> Any:
    return boxed(QUANTITY, str(_parse(text)))


def _parse(text: str) -> Fraction:
    try:
        return Fraction(quantities.parse(text).nanos, quantities.NANO)
    except ValueError as error:
        raise ValueError(str(error)) from None


def _is_quantity(text: str) -> bool:
    try:
        quantities.parse(text)
    except ValueError:
        return False
    return True


def _number(value: Any) -> Fraction:
    return Fraction(unboxed(value, QUANTITY))


def _other(value: Any) -> Fraction:
    return Fraction(value) if isinstance(value, int) else _number(value)


def _as_integer(value: Any) -> int:
    number = _number(value)
    if number.denominator != 1 or not -(1 << 63) <= number < 1 << 63:
        raise ValueError("cannot convert value to integer")
    return int(number)


def _sign(number: Fraction) -> int:
    return (number > 0) - (number < 0)


def _version(text: str, normalize: bool = False) -> list[Any]:
    return list(semantic_version.parse(text, normalize))


def _is_semver(text: str, normalize: bool = False) -> bool:
    try:
        _version(text, normalize)
    except ValueError:
        return False
    return True


def _order(value: Any) -> tuple[Any, ...]:
    major, minor, patch, pre = unboxed(value, SEMVER)
    parts = tuple((0, int(p), "") if p.isdigit() else (1, 0, p) for p in pre.split(".")) if pre else ()
    return int(major), int(minor), int(patch), not pre, parts


def _compare(order: Callable[[Any], Any]) -> Callable[[Any, Any], int]:
    return lambda one, other: (order(one) > order(other)) - (order(one) < order(other))


_by_quantity, _by_version = _compare(_number), _compare(_order)

FUNCTIONS = (
    Function("quantity", ("string",), QUANTITY, _quantity, member=False),
    Function("isQuantity", ("string",), "bool", _is_quantity, member=False),
    Function("sign", (QUANTITY,), "int", lambda q: _sign(_number(q))),
    Function("isInteger", (QUANTITY,), "bool", lambda q: _number(q).denominator == 1 and abs(_number(q)) < 1 << 63),
    Function("asInteger", (QUANTITY,), "int", _as_integer),
    Function("asApproximateFloat", (QUANTITY,), "double", lambda q: float(_number(q))),
    Function("add", (QUANTITY, QUANTITY), QUANTITY, lambda a, b: boxed(QUANTITY, str(_number(a) + _other(b)))),
    Function("add", (QUANTITY, "int"), QUANTITY, lambda a, b: boxed(QUANTITY, str(_number(a) + _other(b)))),
    Function("sub", (QUANTITY, QUANTITY), QUANTITY, lambda a, b: boxed(QUANTITY, str(_number(a) - _other(b)))),
    Function("sub", (QUANTITY, "int"), QUANTITY, lambda a, b: boxed(QUANTITY, str(_number(a) - _other(b)))),
    Function("isLessThan", (QUANTITY, QUANTITY), "bool", lambda a, b: _by_quantity(a, b) < 0),
    Function("isGreaterThan", (QUANTITY, QUANTITY), "bool", lambda a, b: _by_quantity(a, b) > 0),
    Function("compareTo", (QUANTITY, QUANTITY), "int", _by_quantity),
    Function("semver", ("string",), SEMVER, lambda text: boxed(SEMVER, _version(text)), member=False),
    Function("semver", ("string", "bool"), SEMVER, lambda t, n: boxed(SEMVER, _version(t, n)), member=False),
    Function("isSemver", ("string",), "bool", _is_semver, member=False),
    Function("isSemver", ("string", "bool"), "bool", _is_semver, member=False),
    Function("major", (SEMVER,), "int", lambda v: int(unboxed(v, SEMVER)[0])),
    Function("minor", (SEMVER,), "int", lambda v: int(unboxed(v, SEMVER)[1])),
    Function("patch", (SEMVER,), "int", lambda v: int(unboxed(v, SEMVER)[2])),
    Function("isLessThan", (SEMVER, SEMVER), "bool", lambda a, b: _by_version(a, b) < 0),
    Function("isGreaterThan", (SEMVER, SEMVER), "bool", lambda a, b: _by_version(a, b) > 0),
    Function("compareTo", (SEMVER, SEMVER), "int", _by_version),
)
