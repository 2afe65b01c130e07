"""Validation of one device of a ResourceSlice: attributes, capacities, counters, its nodes. Paths are v1's."""

import re

from minik.api import names
from minik.api.groups.core.node_selector_validation import validate_node_selector
from minik.api.groups.resource.binding_conditions_validation import validate_binding_conditions
from minik.api.groups.resource.capacity_validation import validate_capacity
from minik.api.groups.resource.device_names import (
    validate_device_name,
    validate_list,
    validate_qualified_name,
    validate_set,
)
from minik.api.groups.resource.device_validation import validate_device_taint
from minik.api.types import Obj
from minik.api.validation import FieldError, invalid_value, required, too_long, too_many

_MAX_ATTRIBUTES, _MAX_VALUE, _MAX_TAINTS, _MAX_CONSUMED, _MAX_COUNTERS = 32, 64, 16, 2, 32
_VALUES = ("int", "bool", "string", "version")
_PER_DEVICE = (
    "exactly one of `nodeName`, `nodeSelector`, or `allNodes` is required when `perDeviceNodeSelection` is set to "
    "true in the ResourceSlice spec"
)
_NOT_PER_DEVICE = (
    "`nodeName`, `nodeSelector` and `allNodes` can only be set if `perDeviceNodeSelection` is set to true in the "
    "ResourceSlice spec"
)
_NUMBER, _BEFORE, _BUILD = r"(0|[1-9]\d*)", r"(0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*)", r"[0-9a-zA-Z-]+"
_SEMVER = re.compile(rf"{_NUMBER}\.{_NUMBER}\.{_NUMBER}(-{_BEFORE}(\.{_BEFORE})*)?(\+{_BUILD}(\.{_BUILD})*)?", re.ASCII)


def _validate_attribute(attribute: Obj, path: str) -> list[FieldError]:
    given = [kind for kind in _VALUES if attribute.get(kind) is not None]
    errors: list[FieldError] = []
    for kind in ("string", "version"):
        value, at = attribute.get(kind), f"{path}.{kind}"
        if value is None:
            continue
        if kind == "version" and not _SEMVER.fullmatch(value):
            errors.append(invalid_value(at, value, "must be a string compatible with semver.org spec 2.0.0"))
        if len(value.encode()) > _MAX_VALUE:
            errors.append(too_long(at, _MAX_VALUE))
    if len(given) == 1:
        return errors
    shown = _shown(attribute) if given else ""
    return [*errors, invalid_value(path, shown, "exactly one value must be specified")]


def _shown(attribute: Obj) -> Obj:
    """As Go prints the internal type."""
    go_names = {"int": "IntValue", "bool": "BoolValue", "string": "StringValue", "version": "VersionValue"}
    lists = {name: None for name in ("BoolValues", "IntValues", "StringValues", "VersionValues")}
    return {go_names[kind]: attribute.get(kind) for kind in _VALUES} | lists


def validate_counters(counters: Obj | None, path: str) -> list[FieldError]:
    if not counters:
        return [required(path)]
    if len(counters) > _MAX_COUNTERS:
        return [too_many(path, len(counters), _MAX_COUNTERS)]
    return [error for name in counters for error in validate_device_name(name, path)]


def _validate_consumption(consumed: Obj, path: str) -> list[FieldError]:
    name, at = consumed.get("counterSet", ""), f"{path}.counterSet"
    errors = validate_device_name(name, at) if name else [required(at)]
    return errors + validate_counters(consumed.get("counters"), f"{path}.counters")


def _validate_nodes(device: Obj, path: str) -> list[FieldError]:
    """Where a device is that has to say so itself."""
    errors: list[FieldError] = []
    given: list[str] = []
    name, selector, everywhere = (device.get(key) for key in ("nodeName", "nodeSelector", "allNodes"))
    if name:
        given.append("`nodeName`")
        errors += [invalid_value(f"{path}.nodeName", name, text) for text in names.dns_subdomain(name)]
    elif name is not None:
        errors.append(invalid_value(f"{path}.nodeName", name, "must not be empty"))
    if selector is not None:
        given.append("`nodeSelector`")
        errors += validate_node_selector(selector, f"{path}.nodeSelector")
    if everywhere:
        given.append("`allNodes`")
    elif everywhere is not None:
        errors.append(invalid_value(f"{path}.allNodes", everywhere, "must be either unset or set to true"))
    if not given:
        errors.append(required(path, _PER_DEVICE))
    elif len(given) > 1:
        errors.append(invalid_value(path, f"{{{', '.join(given)}}}", _PER_DEVICE))
    return errors


def _validate_properties(device: Obj, old: Obj | None, path: str) -> list[FieldError]:
    attributes, capacity = device.get("attributes") or {}, device.get("capacity") or {}
    errors: list[FieldError] = []
    total = len(attributes) + len(capacity)
    if total > _MAX_ATTRIBUTES:
        text = f"the total number of attributes and capacities must not exceed {_MAX_ATTRIBUTES}"
        errors.append(invalid_value(path, total, text))
    for key, value in attributes.items():
        errors += validate_qualified_name(key, f"{path}.attributes")
        errors += _validate_attribute(value, f"{path}.attributes[{key}]")
    if old is not None and (old.get("capacity") or {}) == capacity:
        return errors
    shared = bool(device.get("allowMultipleAllocations"))
    for key, value in capacity.items():
        errors += validate_qualified_name(key, f"{path}.capacity")
        errors += validate_capacity(value, f"{path}.capacity[{key}]", shared=shared)
    return errors


def validate_device(device: Obj, path: str, *, old: Obj | None, per_device: bool) -> list[FieldError]:
    """`per_device`: the slice leaves it to its devices to say where they are. `old`: the device as it was."""
    errors = validate_device_name(device.get("name", ""), f"{path}.name") + _validate_properties(device, old, path)
    taints = device.get("taints") or []
    if old is None or (old.get("taints") or []) != taints:
        errors += validate_list(taints, _MAX_TAINTS, validate_device_taint, f"{path}.taints")
    errors += validate_set(
        device.get("consumesCounters") or (),
        _MAX_CONSUMED,
        _validate_consumption,
        f"{path}.consumesCounters",
        key=lambda consumed: str(consumed.get("counterSet", "")),
    )
    if per_device:
        errors += _validate_nodes(device, path)
    elif any(device.get(key) is not None for key in ("nodeName", "nodeSelector", "allNodes")):
        errors.append(invalid_value(path, None, _NOT_PER_DEVICE))
    return errors + validate_binding_conditions(device, path)
