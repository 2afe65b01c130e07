"""Capacities of devices that several claims share, and how much a claim may ask of them (KEP-5075)."""

from collections.abc import Sequence

from minik.api.groups.resource.device_names import validate_set
from minik.api.quantity import Quantity, parse
from minik.api.types import Obj
from minik.api.validation import FieldError, forbidden, invalid_value, required

_MAX_VALUES = 10


def _validate_values(default: str, capacity: Quantity, values: Sequence[str], path: str) -> list[FieldError]:
    def validate(value: str, at: str) -> list[FieldError]:
        if not capacity < parse(value):
            return []
        return [invalid_value(at, value, f"option is larger than capacity value: {capacity}")]

    errors = [
        invalid_value(f"{path}[{index + 1}]", values[index + 1], "values must be sorted in ascending order")
        for index in range(len(values) - 1)
        if parse(values[index + 1]) < parse(values[index])
    ]
    errors += validate_set(values, _MAX_VALUES, validate, path, key=lambda value: str(parse(value).value))
    if not any(parse(value).nanos == parse(default).nanos for value in values):
        errors.append(invalid_value(path, default, "default value is not valid according to the requestPolicy"))
    return errors


def _validate_bounds(default: Quantity, capacity: Quantity, limits: Obj, path: str) -> list[FieldError]:
    low, errors = parse(limits["min"]), []
    if capacity < low:
        errors.append(invalid_value(f"{path}.min", str(low), f"min is larger than capacity value: {capacity}"))
    if default < low:
        errors.append(invalid_value(f"{path}.default", str(default), f"default is less than min: {low}"))
    if limits.get("max") is None:
        return errors
    high = parse(limits["max"])
    if high < low:
        errors.append(invalid_value(f"{path}.max", str(low), f"min is larger than max: {high}"))
    if capacity < high:
        errors.append(invalid_value(f"{path}.max", str(high), f"max is larger than capacity value: {capacity}"))
    if high < default:
        errors.append(invalid_value(f"{path}.default", str(default), f"default is more than max: {high}"))
    return errors


def _validate_step(value: Quantity, low: Quantity, step: Quantity, path: str) -> list[FieldError]:
    if (value.value - low.value) % step.value == 0:
        return []
    return [invalid_value(path, str(value), f"value is not a multiple of a given step ({step}) from ({low})")]


def _validate_range(default: Quantity, capacity: Quantity, limits: Obj, path: str) -> list[FieldError]:
    if limits.get("min") is None:
        return [required(f"{path}.min", "required when validRange is defined")]
    errors = _validate_bounds(default, capacity, limits, path)
    if limits.get("step") is None:
        return errors
    low, step, at = parse(limits["min"]), parse(limits["step"]), f"{path}.step"
    if step.nanos <= 0:
        return [*errors, invalid_value(at, str(step), "must be greater than zero")]
    if capacity < low + step:
        text = f"one step {low + step} is larger than capacity value: {capacity}"
        errors.append(invalid_value(at, str(step), text))
    for value in (default, parse(limits["max"]) if limits.get("max") is not None else None):
        errors += [] if value is None else _validate_step(value, low, step, at)
    return errors


def _validate_policy(policy: Obj, capacity: Quantity, path: str) -> list[FieldError]:
    values, limits, default = policy.get("validValues"), policy.get("validRange"), policy.get("default")
    if values and limits is not None:
        text = 'exactly one policy can be specified, cannot specify "validValues" and "validRange" at the same time'
        return [forbidden(path, text)]
    if not values and limits is None:
        return []
    kind = "validValues" if values else "validRange"
    if default is None:
        return [required(f"{path}.default", f"required when {kind} is defined")]
    if values:
        return _validate_values(default, capacity, values, f"{path}.{kind}")
    return _validate_range(parse(default), capacity, limits or {}, f"{path}.{kind}")


def validate_capacity(capacity: Obj, path: str, *, shared: bool) -> list[FieldError]:
    """`shared`: the device may be given to several claims."""
    policy, at = capacity.get("requestPolicy"), f"{path}.requestPolicy"
    if policy is None:
        return []
    if not shared:
        return [forbidden(at, "allowMultipleAllocations must be true")]
    return _validate_policy(policy, parse(capacity.get("value", "0")), at)
