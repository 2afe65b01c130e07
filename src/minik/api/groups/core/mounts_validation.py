"""Validation of a container's volume mounts and block devices against the pod's volumes."""

from collections.abc import Mapping, Sequence

from minik.api.groups.core.path_validation import validate_descending, validate_no_backsteps
from minik.api.types import Obj
from minik.api.validation import FieldError, forbidden, invalid_value, not_found, not_supported, required

_PROPAGATIONS = ("Bidirectional", "HostToContainer", "None")
_RECURSIVE = ("Disabled", "Enabled", "IfPossible")


def _validate_propagation(mount: Obj, container: Obj, path: str) -> list[FieldError]:
    mode = mount.get("mountPropagation")
    if mode is None:
        return []
    errors = [] if mode in _PROPAGATIONS else [not_supported(path, mode, _PROPAGATIONS)]
    if mode == "Bidirectional" and not (container.get("securityContext") or {}).get("privileged"):
        text = "Bidirectional mount propagation is available only to privileged containers"
        errors.append(forbidden(path, text))
    return errors


def _validate_recursive_read_only(mount: Obj, path: str) -> list[FieldError]:
    mode = mount.get("recursiveReadOnly")
    if mode is None or mode == "Disabled":
        return []
    if mode not in _RECURSIVE:
        return [not_supported(path, mode, _RECURSIVE)]
    errors: list[FieldError] = []
    if not mount.get("readOnly"):
        errors.append(forbidden(path, "may only be specified when readOnly is true"))
    if mount.get("mountPropagation") not in (None, "None"):
        errors.append(forbidden(path, "may only be specified when mountPropagation is None or not specified"))
    return errors


def _validate_sub_path(mount: Obj, path: str, list_path: str) -> list[FieldError]:
    """`subPath` and `subPathExpr`. Complaints about their form carry the list's path, as upstream's do."""
    sub_path, expression = mount.get("subPath", ""), mount.get("subPathExpr", "")
    errors = validate_descending(sub_path, f"{list_path}.subPath") if sub_path else []
    if expression:
        if sub_path:
            text = "subPathExpr and subPath are mutually exclusive"
            errors.append(invalid_value(f"{path}.subPathExpr", expression, text))
        errors += validate_descending(expression, f"{list_path}.subPathExpr")
    return errors


def validate_mounts(container: Obj, volumes: Mapping[str, Obj], path: str) -> list[FieldError]:
    errors: list[FieldError] = []
    devices = {each.get("name", ""): each.get("devicePath", "") for each in container.get("volumeDevices") or ()}
    taken: set[str] = set()
    for index, mount in enumerate(container.get("volumeMounts") or ()):
        at, name, target = f"{path}[{index}]", mount.get("name", ""), mount.get("mountPath", "")
        if not name:
            errors.append(required(f"{at}.name"))
        if name not in volumes:
            errors.append(not_found(f"{at}.name", name))
        if not target:
            errors.append(required(f"{at}.mountPath"))
        if target in taken:
            errors.append(invalid_value(f"{at}.mountPath", target, "must be unique"))
        taken.add(target)
        if name in devices:
            errors.append(invalid_value(f"{at}.name", name, "must not already exist in volumeDevices"))
        if target in devices.values():
            text = "must not already exist as a path in volumeDevices"
            errors.append(invalid_value(f"{at}.mountPath", target, text))
        errors += _validate_sub_path(mount, at, path)
        errors += _validate_propagation(mount, container, f"{path}.mountPropagation")
        errors += _validate_recursive_read_only(mount, f"{path}.recursiveReadOnly")
    return errors


def _is_claim(volume: Obj) -> bool:
    return volume.get("persistentVolumeClaim") is not None or volume.get("ephemeral") is not None


def _validate_device_name(name: str, volumes: Mapping[str, Obj], seen: set[str], path: str) -> list[FieldError]:
    errors = [] if name else [required(path)]
    if name in seen:
        errors.append(invalid_value(path, name, "must be unique"))
    if name not in volumes:
        errors.append(not_found(path, name))
    elif not _is_claim(volumes[name]):
        text = "can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode"
        errors.append(invalid_value(path, name, text))
    return errors


def validate_devices(container: Obj, volumes: Mapping[str, Obj], path: str) -> list[FieldError]:
    errors: list[FieldError] = []
    mounts: Sequence[Obj] = container.get("volumeMounts") or ()
    mounted = {each.get("name", ""): each.get("mountPath", "") for each in mounts}
    seen: set[str] = set()
    paths: set[str] = set()
    for index, device in enumerate(container.get("volumeDevices") or ()):
        at, name, target = f"{path}[{index}]", device.get("name", ""), device.get("devicePath", "")
        errors += _validate_device_name(name, volumes, seen, f"{at}.name")
        if not target:
            errors.append(required(f"{at}.devicePath"))
        if target in paths:
            errors.append(invalid_value(f"{at}.devicePath", target, "must be unique"))
        if target and validate_no_backsteps(target, at):
            errors.append(invalid_value(f"{at}.devicePath", target, "can not contain backsteps ('..')"))
        else:
            paths.add(target)
        if name in mounted:
            errors.append(invalid_value(f"{at}.name", name, "must not already exist in volumeMounts"))
        if target in mounted.values():
            text = "must not already exist as a path in volumeMounts"
            errors.append(invalid_value(f"{at}.devicePath", target, text))
        seen.update({name} - {""})
    return errors
