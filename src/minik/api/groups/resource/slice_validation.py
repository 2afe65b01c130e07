"""Validation of ResourceSlices. Paths are v1's."""

from collections.abc import Sequence

from minik.api import names
from minik.api.groups.resource.device_validation import validate_driver
from minik.api.object_meta import validate_immutable
from minik.api.types import Obj
from minik.api.validation import FieldError, duplicate, invalid_value, required, too_many

_MAX_DEVICES = 128
_NODE_FIELDS = ("nodeName", "nodeSelector", "allNodes", "perDeviceNodeSelection")
_ONE_OF = "exactly one of `nodeName`, `nodeSelector`, `allNodes`, `perDeviceNodeSelection` is required"
_VALUES = ("int", "bool", "string", "version")


def _validate_pool(pool: Obj, path: str) -> list[FieldError]:
    name, count, generation = pool.get("name", ""), pool.get("resourceSliceCount", 0), pool.get("generation", 0)
    errors: list[FieldError] = []
    if not name:
        errors.append(required(f"{path}.name"))
    elif len(name) > names.SUBDOMAIN_MAX:
        errors.append(invalid_value(f"{path}.name", name, names.max_length_error(names.SUBDOMAIN_MAX)))
    else:
        errors += [
            invalid_value(f"{path}.name", part, text) for part in name.split("/") for text in names.dns_subdomain(part)
        ]
    if count <= 0:
        errors.append(invalid_value(f"{path}.resourceSliceCount", count, "must be greater than zero"))
    if generation < 0:
        errors.append(invalid_value(f"{path}.generation", generation, "must be greater than or equal to zero"))
    return errors


def _validate_nodes(spec: Obj) -> list[FieldError]:
    given = [key for key in _NODE_FIELDS if spec.get(key)]
    if len(given) > 1:
        listed = ", ".join(f"`{key}`" for key in given)
        return [invalid_value("spec", f"{{{listed}}}", f"{_ONE_OF}, but multiple fields are set")]
    if not given:
        return [required("spec", _ONE_OF)]
    if given == ["nodeName"]:
        name = spec["nodeName"]
        return [invalid_value("spec.nodeName", name, text) for text in names.dns_subdomain(name)]
    return []


def _validate_qualified(name: str, path: str) -> list[FieldError]:
    domain, slash, identifier = name.rpartition("/")
    errors = [invalid_value(path, domain, text) for text in names.dns_subdomain(domain)] if slash else []
    return errors + [invalid_value(path, identifier, text) for text in names.c_identifier(identifier)]


def _validate_device(device: Obj, path: str) -> list[FieldError]:
    name = device.get("name", "")
    errors = [invalid_value(f"{path}.name", name, text) for text in names.dns_label(name)] if name else []
    if not name:
        errors.append(required(f"{path}.name"))
    for key, value in (device.get("attributes") or {}).items():
        at = f"{path}.attributes[{key}]"
        errors += _validate_qualified(key, at)
        if sum(value.get(kind) is not None for kind in _VALUES) != 1:
            errors.append(invalid_value(at, "", "exactly one value must be specified"))
    for key in device.get("capacity") or {}:
        errors += _validate_qualified(key, f"{path}.capacity[{key}]")
    return errors


def _validate_devices(devices: Sequence[Obj], path: str) -> list[FieldError]:
    errors = [too_many(path, len(devices), _MAX_DEVICES)] if len(devices) > _MAX_DEVICES else []
    for index, device in enumerate(devices):
        errors += _validate_device(device, f"{path}[{index}]")
    given = [device.get("name", "") for device in devices]
    repeated = (index for index, name in enumerate(given) if name in given[:index])
    return errors + [duplicate(f"{path}[{index}].name", given[index]) for index in repeated]


def validate_slice(obj: Obj) -> list[FieldError]:
    spec = obj["spec"]
    errors = validate_driver(spec.get("driver", ""), "spec.driver")
    errors += _validate_pool(spec.get("pool") or {}, "spec.pool") + _validate_nodes(spec)
    return errors + _validate_devices(spec.get("devices") or (), "spec.devices")


def validate_slice_update(new: Obj, old: Obj) -> list[FieldError]:
    spec, before = new["spec"], old["spec"]
    errors = validate_slice(new)
    errors += validate_immutable(spec.get("driver", ""), before.get("driver", ""), "spec.driver")
    errors += validate_immutable(spec.get("nodeName"), before.get("nodeName"), "spec.nodeName")
    name, old_name = ((each.get("pool") or {}).get("name", "") for each in (spec, before))
    return errors + validate_immutable(name, old_name, "spec.pool.name")
