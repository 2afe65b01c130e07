"""Validation of ResourceSlices. Paths are v1's."""

from minik.api import names
from minik.api.groups.core.node_selector_validation import validate_node_selector
from minik.api.groups.resource.device_entry_validation import validate_counters, validate_device
from minik.api.groups.resource.device_names import (
    validate_device_name,
    validate_driver,
    validate_pool_name,
    validate_set,
)
from minik.api.object_meta import validate_immutable
from minik.api.types import Obj
from minik.api.validation import FieldError, invalid_value, required

_MAX_DEVICES, _MAX_ADVANCED_DEVICES, _MAX_COUNTER_SETS = 128, 64, 8
_ONE_OF = "exactly one of `nodeName`, `nodeSelector`, `allNodes`, `perDeviceNodeSelection` is required"


def _validate_pool(pool: Obj, path: str) -> list[FieldError]:
    count, generation = pool.get("resourceSliceCount", 0), pool.get("generation", 0)
    errors = validate_pool_name(pool.get("name", ""), f"{path}.name")
    if count <= 0:
        errors.append(invalid_value(f"{path}.resourceSliceCount", count, "must be greater than zero"))
    if generation < 0:
        errors.append(invalid_value(f"{path}.generation", generation, "must be greater than or equal to zero"))
    return errors


def _validate_node_selector(selector: Obj) -> list[FieldError]:
    errors = validate_node_selector(selector, "spec.nodeSelector")
    terms = selector.get("nodeSelectorTerms")
    if len(terms or ()) != 1:
        at = "spec.nodeSelector.nodeSelectorTerms"
        errors.append(invalid_value(at, terms, "must have exactly one node selector term"))
    return errors


def _validate_nodes(spec: Obj) -> list[FieldError]:
    errors: list[FieldError] = []
    given: list[str] = []
    name, selector = spec.get("nodeName"), spec.get("nodeSelector")
    if name:
        given.append("`nodeName`")
        errors += [invalid_value("spec.nodeName", name, text) for text in names.dns_subdomain(name)]
    elif name is not None:
        text = "must be either unset or set to a non-empty string"
        errors.append(invalid_value("spec.nodeName", name, text))
    if selector is not None:
        given.append("`nodeSelector`")
        errors += _validate_node_selector(selector)
    for key in ("allNodes", "perDeviceNodeSelection"):
        if spec.get(key):
            given.append(f"`{key}`")
        elif spec.get(key) is not None:
            errors.append(invalid_value(f"spec.{key}", False, "must be either unset or set to true"))
    if not given:
        errors.append(required("spec", _ONE_OF))
    elif len(given) > 1:
        text = f"{_ONE_OF}, but multiple fields are set"
        errors.append(invalid_value("spec", f"{{{', '.join(given)}}}", text))
    return errors


def _validate_counter_set(counters: Obj, path: str) -> list[FieldError]:
    name, at = counters.get("name", ""), f"{path}.name"
    errors = validate_device_name(name, at) if name else [required(at)]
    return errors + validate_counters(counters.get("counters"), f"{path}.counters")


def _validate_devices(spec: Obj, old: Obj | None) -> list[FieldError]:
    devices, before = (
        spec.get("devices") or [],
        {each.get("name", ""): each for each in (old or {}).get("devices") or ()},
    )
    per_device = bool(spec.get("perDeviceNodeSelection"))
    advanced = any(device.get("taints") or device.get("consumesCounters") for device in devices)

    def validate(device: Obj, path: str) -> list[FieldError]:
        return validate_device(device, path, old=before.get(device.get("name", "")), per_device=per_device)

    return validate_set(devices, _MAX_ADVANCED_DEVICES if advanced else _MAX_DEVICES, validate, "spec.devices")


def _validate_unchanged(spec: Obj, before: Obj) -> list[FieldError]:
    name, old_name = ((each.get("pool") or {}).get("name", "") for each in (spec, before))
    errors = validate_immutable(name, old_name, "spec.pool.name")
    errors += validate_immutable(spec.get("driver", ""), before.get("driver", ""), "spec.driver")
    return errors + validate_immutable(spec.get("nodeName"), before.get("nodeName"), "spec.nodeName")


def _validate_spec(spec: Obj, old: Obj | None) -> list[FieldError]:
    errors = validate_driver(spec.get("driver", ""), "spec.driver") + _validate_pool(
        spec.get("pool") or {}, "spec.pool"
    )
    errors += [] if old is None else _validate_unchanged(spec, old)
    errors += _validate_nodes(spec)
    counters = spec.get("sharedCounters")
    if counters is not None and spec.get("devices") is not None:
        errors.append(invalid_value("spec", "", "only one of `sharedCounters` or `devices` is allowed"))
    errors += _validate_devices(spec, old)
    return errors + validate_set(counters or (), _MAX_COUNTER_SETS, _validate_counter_set, "spec.sharedCounters")


def validate_slice(obj: Obj) -> list[FieldError]:
    return _validate_spec(obj["spec"], None)


def validate_slice_update(new: Obj, old: Obj) -> list[FieldError]:
    return _validate_spec(new["spec"], old["spec"])
