"""How much of a device's capacity a request uses up, for devices that several requests may share. Pure.

Amounts are billionths of the unit. https://kubernetes.io/docs/concepts/resource-management/dynamic-resource-allocation/
"""

from collections.abc import Mapping

from minik.api import quantity
from minik.api.types import Obj


def nanos(value: str) -> int:
    return quantity.parse(value).nanos


def consumed(device: Obj, request: Obj) -> dict[str, int] | None:
    """By capacity name; None when the request asks for what the device does not have or its policy forbids.

    The whole capacity is used where nothing is asked and no policy has a default.
    """
    has = device.get("capacity") or {}
    asked = (request.get("capacity") or {}).get("requests") or {}
    if any(name not in has for name in asked):
        return None
    found: dict[str, int] = {}
    for name, capacity in has.items():
        amount = _amount(asked.get(name), capacity)
        if amount is None or amount > nanos(capacity["value"]):
            return None
        found[name] = amount
    return found


def is_enough(device: Obj, request: Obj) -> bool:
    """Whether a device that is not shared has at least what is asked."""
    has = device.get("capacity") or {}
    asked = (request.get("capacity") or {}).get("requests") or {}
    return all(name in has and nanos(has[name]["value"]) >= nanos(amount) for name, amount in asked.items())


def fits(device: Obj, used: Mapping[str, int], more: Mapping[str, int]) -> bool:
    has = device.get("capacity") or {}
    return all(used.get(name, 0) + amount <= nanos(has[name]["value"]) for name, amount in more.items())


def shown(amounts: Mapping[str, int], device: Obj) -> dict[str, str]:
    """As the claim's status says it, in the form the device's own capacity has."""
    has = device.get("capacity") or {}
    return {
        name: str(quantity.Quantity(amount, quantity.parse(has[name]["value"]).format))
        for name, amount in sorted(amounts.items())
    }


def _amount(asked: str | None, capacity: Obj) -> int | None:
    policy = capacity.get("requestPolicy") or {}
    if asked is None:
        default = policy.get("default")
        return nanos(default if default is not None else capacity["value"])
    wanted = nanos(asked)
    values, limits = policy.get("validValues"), policy.get("validRange")
    if policy.get("default") is None:
        return wanted
    if values:
        return min((value for value in map(nanos, values) if value >= wanted), default=None)
    return _in_range(wanted, limits) if limits else wanted


def _in_range(wanted: int, limits: Obj) -> int | None:
    """Rounded up to the least amount and to whole steps from it."""
    lowest = nanos(limits.get("min") or "0")
    amount = max(wanted, lowest)
    if limits.get("step"):
        step = nanos(limits["step"])
        amount = lowest + -(-(amount - lowest) // step) * step
    if limits.get("max") is not None and amount > nanos(limits["max"]):
        return None
    return amount
