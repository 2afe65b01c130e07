"""CEL selectors of devices: `device.attributes["example.com"].model == "a"` and the like.

What is asked of a device is kept for as long as its slice does not change, since every Pod asks again.
https://kubernetes.io/docs/reference/using-api/cel/
"""

import re
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from minik.api.cel import engine
from minik.api.cel.function import QUANTITY, boxed
from minik.api.cel.quantity_functions import FUNCTIONS
from minik.api.quantity import parse
from minik.api.types import Obj
from minik.server.scheduler.dynamic_resources.pools import Device

_BILLION = 10**9
_VARIABLES = ("device",)
_DOMAIN = re.compile(r"""\.(attributes|capacity)\s*\[\s*(["'])([^"']*)\2\s*\]""")
_SEMVER = next(f.implementation for f in FUNCTIONS if f.name == "semver" and len(f.parameters) == 1)
_MOST_REMEMBERED = 10_000


class SelectorError(Exception):
    """A selector could not be evaluated; the Pod cannot be scheduled until somebody mends it."""


class Selectors:
    """Evaluates selectors and remembers the answers."""

    def __init__(self) -> None:
        self._answers: dict[tuple[int, str], tuple[Device | Obj, bool]] = {}

    def matches(self, expression: str, device: Device) -> bool:
        """Raises SelectorError."""
        key = (id(device.obj), expression)
        remembered = self._answers.get(key)
        if remembered is not None and remembered[0] is device.obj:
            return remembered[1]
        answer = evaluate(expression, device)
        if len(self._answers) >= _MOST_REMEMBERED:
            self._answers.clear()
        self._answers[key] = (device.obj, answer)
        return answer


def evaluate(expression: str, device: Device) -> bool:
    """Raises SelectorError with upstream's words."""
    try:
        program = engine.compile_dynamic(expression, _VARIABLES)
        found = program.evaluate({"device": _value(device, expression)})
    except engine.CelError as error:
        raise SelectorError(f"CEL runtime error: {error}") from None
    if not isinstance(found, bool):
        raise SelectorError("CEL result is not of type bool")
    return found


def _value(device: Device, expression: str) -> Mapping[str, Any]:
    """`device` in an expression. A domain it names and the device does not have is empty rather than unknown."""
    attributes = _by_domain(device, device.obj.get("attributes") or {}, _attribute)
    capacity = _by_domain(device, device.obj.get("capacity") or {}, _capacity)
    for kind, _, domain in _DOMAIN.findall(expression):
        (attributes if kind == "attributes" else capacity).setdefault(domain, {})
    return {
        "driver": device.id.driver,
        "attributes": attributes,
        "capacity": capacity,
        "allowMultipleAllocations": bool(device.obj.get("allowMultipleAllocations")),
    }


def _by_domain(device: Device, named: Mapping[str, Obj], convert: Any) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for name, value in named.items():
        domain, _, short = name.rpartition("/")
        found.setdefault(domain or device.id.driver, {})[short] = convert(value)
    return found


def _attribute(value: Obj) -> Any:
    for kind in ("int", "bool", "string"):
        if value.get(kind) is not None:
            return value[kind]
    try:
        return _SEMVER(value.get("version", ""))
    except ValueError as error:
        raise SelectorError(f"CEL runtime error: {error}") from None


def _capacity(value: Obj) -> Any:
    return boxed(QUANTITY, str(Fraction(parse(value["value"]).nanos, _BILLION)))
