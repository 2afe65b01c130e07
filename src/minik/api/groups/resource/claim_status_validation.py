"""Validation of a claim's status: what it was given, who uses it, what drivers say of the devices. Paths are v1's."""

import re
from functools import partial
from typing import Any

from minik.api.condition_validation import validate_conditions
from minik.api.go_form import go_struct
from minik.api.groups.core.node_selector_validation import validate_node_selector
from minik.api.groups.resource.binding_conditions_validation import validate_binding_conditions
from minik.api.groups.resource.claim_validation import (
    request_names,
    validate_references,
    validate_request_reference,
)
from minik.api.groups.resource.device_names import (
    validate_device_name,
    validate_driver,
    validate_list,
    validate_pool_name,
    validate_set,
)
from minik.api.groups.resource.device_validation import (
    MAX_CONFIGS,
    validate_configuration,
    validate_device_tolerations,
    validate_parameters,
)
from minik.api.names import strict_ip
from minik.api.types import Obj
from minik.api.validation import (
    OMITTED,
    FieldError,
    forbidden,
    invalid_value,
    not_supported,
    required,
    too_long,
    too_many,
)

_MAX_CONSUMERS, _MAX_RESULTS, _MAX_CONDITIONS, _MAX_IPS, _UNLIMITED = 256, 32, 8, 16, 1 << 31
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_UUID_TEXT = (
    "uid must be in RFC 4122 normalized form, `xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx` with lowercase hexadecimal "
    "characters"
)
_ADDRESS_TEXT = "must be a valid address in CIDR form, (e.g. 10.9.8.7/24 or 2001:db8::1/64)"
_NETWORK_LIMITS = (("interfaceName", 256), ("hardwareAddress", 128))


def _validate_consumer(consumer: Obj, path: str) -> list[FieldError]:
    return [required(f"{path}.{key}") for key in ("resource", "name", "uid") if not consumer.get(key)]


def _validate_share(uid: str | None, path: str) -> list[FieldError]:
    if uid is None or _UUID.fullmatch(uid):
        return []
    if _UUID.fullmatch(uid.lower()):
        return [invalid_value(path, uid, _UUID_TEXT)]
    problem = "invalid UUID format" if len(uid) in (32, 36, 38, 45) else f"invalid UUID length: {len(uid)}"
    return [invalid_value(path, uid, f"error validating uid: {problem}")]


def device_key(device: Obj) -> tuple[str, ...]:
    """What tells devices of a claim apart."""
    return tuple(device.get(key) or "" for key in ("driver", "pool", "device", "shareID"))


def _given(status: Obj) -> set[Any]:
    """The devices that a claim was given."""
    return {device_key(each) for each in ((status.get("allocation") or {}).get("devices") or {}).get("results") or ()}


def _validate_result(result: Obj, path: str, *, known: frozenset[str]) -> list[FieldError]:
    errors = validate_request_reference(result.get("request", ""), f"{path}.request", known=known)
    errors += validate_driver(result.get("driver", ""), f"{path}.driver")
    errors += validate_pool_name(result.get("pool", ""), f"{path}.pool")
    errors += validate_device_name(result.get("device", ""), f"{path}.device")
    errors += validate_binding_conditions(result, path)
    errors += validate_device_tolerations(result.get("tolerations") or (), f"{path}.tolerations")
    return errors + _validate_share(result.get("shareID"), f"{path}.shareID")


def _validate_config(config: Obj, path: str, *, known: frozenset[str]) -> list[FieldError]:
    source, at = config.get("source", ""), f"{path}.source"
    errors: list[FieldError] = []
    if not source:
        errors.append(required(at))
    elif source not in ("FromClaim", "FromClass"):
        errors.append(not_supported(at, source, ("FromClaim", "FromClass")))
    errors += validate_references(config.get("requests") or (), known, f"{path}.requests")
    return errors + validate_configuration(config, path)


def _validate_allocation(allocation: Obj, known: frozenset[str]) -> list[FieldError]:
    at, devices = "status.allocation", allocation.get("devices") or {}
    results, configs = devices.get("results") or (), devices.get("config") or ()
    errors = validate_list(results, _MAX_RESULTS, partial(_validate_result, known=known), f"{at}.devices.results")
    check = partial(_validate_config, known=known)
    errors += validate_list(configs, 2 * MAX_CONFIGS, check, f"{at}.devices.config")
    if allocation.get("nodeSelector") is not None:
        errors += validate_node_selector(allocation["nodeSelector"], f"{at}.nodeSelector")
    return errors


def _validate_address(text: str, path: str) -> list[FieldError]:
    """An address of an interface, with the length of its network's prefix."""
    address, slash, prefix = text.partition("/")
    found = strict_ip(address)
    if found is None or not slash or not prefix.isdecimal() or int(prefix) > found.max_prefixlen:
        return [invalid_value(path, text, _ADDRESS_TEXT)]
    canonical = f"{found}/{int(prefix)}"
    return [] if text == canonical else [invalid_value(path, text, f'must be in canonical form ("{canonical}")')]


def _validate_network(network: Obj, path: str) -> list[FieldError]:
    errors = [too_long(f"{path}.{key}", limit) for key, limit in _NETWORK_LIMITS if len(network.get(key) or "") > limit]
    return errors + validate_set(network.get("ips") or (), _MAX_IPS, _validate_address, f"{path}.ips", key=str)


def _validate_device(device: Obj, path: str, *, allocated: set[Any]) -> list[FieldError]:
    errors = validate_driver(device.get("driver", ""), f"{path}.driver")
    errors += validate_pool_name(device.get("pool", ""), f"{path}.pool")
    errors += validate_device_name(device.get("device", ""), f"{path}.device")
    errors += _validate_share(device.get("shareID"), f"{path}.shareID")
    if device_key(device) not in allocated:
        shown = "/".join(filter(None, device_key(device)))
        errors.append(invalid_value(path, OMITTED, f"{shown}: must be an allocated device in the claim"))
    conditions = device.get("conditions") or ()
    if len(conditions) > _MAX_CONDITIONS:
        errors.append(too_many(f"{path}.conditions", len(conditions), _MAX_CONDITIONS))
    errors += validate_conditions(conditions, f"{path}.conditions")
    if device.get("data") is not None:
        errors += validate_parameters(device["data"], f"{path}.data")
    return errors + _validate_network(device.get("networkData") or {}, f"{path}.networkData")


def _validate_consumers(status: Obj, before: Obj, *, deleted: bool) -> list[FieldError]:
    consumers, at = status.get("reservedFor") or (), "status.reservedFor"
    if not consumers:
        return []
    if status.get("allocation") is None:
        return [forbidden(at, "may not be specified when `allocated` is not set")]
    if deleted and any(each not in (before.get("reservedFor") or ()) for each in consumers):
        text = "new entries may not be added while `deallocationRequested` or `deletionTimestamp` are set"
        return [forbidden(at, text)]
    return []


def validate_claim_status(new: Obj, old: Obj) -> list[FieldError]:
    status, before = new.get("status") or {}, old.get("status") or {}
    allocation, allocated = status.get("allocation"), before.get("allocation")
    consumers, at = status.get("reservedFor") or (), "status.reservedFor"
    errors = validate_set(consumers, _MAX_CONSUMERS, _validate_consumer, at, key=lambda each: str(each.get("uid", "")))
    check = partial(_validate_device, allocated=_given(status))
    devices = status.get("devices") or ()
    errors += validate_set(devices, _UNLIMITED, check, "status.devices", key=lambda each: "/".join(device_key(each)))
    errors += _validate_consumers(status, before, deleted=bool(new["metadata"].get("deletionTimestamp")))
    if allocation is None:
        return errors
    if allocated is None:
        return errors + _validate_allocation(allocation, request_names(new["spec"]))
    if allocation != allocated:
        shown = go_struct(allocation, "io.k8s.api.resource.v1.AllocationResult")
        errors.append(invalid_value("status.allocation", shown, "field is immutable"))
    return errors


def forget_devices(new: Obj, old: Obj) -> None:
    """Drop what drivers said of devices that the claim no longer has."""
    status, before = new.get("status") or {}, old.get("status") or {}
    if not status.get("devices"):
        return

    gone = _given(before) - _given(status)
    kept = [device for device in status["devices"] if device_key(device) not in gone]
    if kept:
        status["devices"] = kept
    else:
        status.pop("devices")
