"""Validation of volume sources that Pods and PersistentVolumes share, most of them of storage vendors of old.

One small validator a source; `required_fields` covers those that only demand fields.
Rules: https://kubernetes.io/docs/concepts/storage/volumes/
"""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from minik.api import names
from minik.api.groups.core.path_validation import validate_descending, validate_no_backsteps
from minik.api.types import Obj
from minik.api.validation import FieldError, invalid_value, not_supported, required, too_long

Validator = Callable[[Obj, str], list[FieldError]]

_HOST_PATH_TYPES = (
    "",
    "BlockDevice",
    "CharDevice",
    "Directory",
    "DirectoryOrCreate",
    "File",
    "FileOrCreate",
    "Socket",
)
_PARTITION_TEXT = names.range_error(1, 255)
_QUALIFIERS = {
    "iqn": re.compile(r"iqn\.\d{4}-\d{2}\.([A-Za-z0-9.-]+)(:[^,;*&$|\s]+)\Z", re.ASCII),
    "eui": re.compile(r"\Aeui.[A-Za-z0-9]{16}\Z"),
    "naa": re.compile(r"\Anaa.[A-Za-z0-9]{32}\Z"),
}
_ISCSI_TEXT = (
    "Total length of <volume name>:<iscsi.targetPortal> must be under 64 characters "
    "if iscsi.initiatorName is specified."
)
_HOST_PORTS = "must be a host:port pair or multiple pairs separated by commas"


def required_fields(source: Obj, path: str, *, fields: Sequence[str]) -> list[FieldError]:
    return [required(f"{path}.{field}") for field in fields if not source.get(field)]


def requires(*fields: str) -> Validator:
    return partial(required_fields, fields=fields)


def validate_secret_reference(holder: Obj, path: str, *fields: str) -> list[FieldError]:
    """`secretRef`, where there is one, has these fields."""
    reference = holder.get("secretRef")
    return [] if reference is None else required_fields(reference, f"{path}.secretRef", fields=fields)


def validate_host_path(source: Obj, path: str) -> list[FieldError]:
    if not source.get("path"):
        return [required(f"{path}.path")]
    errors = validate_no_backsteps(source["path"], f"{path}.path")
    kind = source.get("type")
    if kind is not None and kind not in _HOST_PATH_TYPES:
        errors.append(not_supported(f"{path}.type", kind, _HOST_PATH_TYPES))
    return errors


def validate_git_repo(source: Obj, path: str) -> list[FieldError]:
    errors = required_fields(source, path, fields=("repository",))
    return errors + validate_descending(source.get("directory", ""), f"{path}.directory")


def _validate_partition(source: Obj, path: str, field: str) -> list[FieldError]:
    errors = required_fields(source, path, fields=(field,))
    partition = source.get("partition", 0)
    if not 0 <= partition <= 255:
        errors.append(invalid_value(f"{path}.partition", partition, _PARTITION_TEXT))
    return errors


def validate_nfs(source: Obj, path: str) -> list[FieldError]:
    errors = required_fields(source, path, fields=("server", "path"))
    if not source.get("path", "").startswith("/"):
        errors.append(invalid_value(f"{path}.path", source.get("path", ""), "must be an absolute path"))
    return errors


def _validate_initiator(name: str, path: str, unknown: str) -> list[FieldError]:
    """An iSCSI qualified name. `unknown` is the complaint about another prefix."""
    pattern = _QUALIFIERS.get(name[:3])
    if pattern is None:
        return [invalid_value(path, name, unknown)]
    return [] if pattern.search(name) else [invalid_value(path, name, "must be valid format")]


def validate_iscsi(source: Obj, path: str, *, volume: str | None = None) -> list[FieldError]:
    """`volume`: the name of the PersistentVolume, None in a Pod."""
    persistent, portal = volume is not None, source.get("targetPortal", "")
    unknown = "must be valid format" if persistent else "must be valid format starting with iqn, eui, or naa"
    errors = required_fields(source, path, fields=("targetPortal",))
    if persistent and source.get("initiatorName") is not None and len(f"{volume}:{portal}".encode()) > 64:
        errors.append(invalid_value(f"{path}.targetportal", portal, _ISCSI_TEXT))
    errors += required_fields(source, path, fields=("iqn",))
    if source.get("iqn"):
        errors += _validate_initiator(source["iqn"], f"{path}.iqn", unknown)
    if not 0 <= source.get("lun", 0) <= 255:
        errors.append(invalid_value(f"{path}.lun", source["lun"], names.range_error(0, 255)))
    authenticates = source.get("chapAuthDiscovery") or source.get("chapAuthSession")
    if authenticates and source.get("secretRef") is None:
        errors.append(required(f"{path}.secretRef"))
    if persistent:
        errors += validate_secret_reference(source, path, "name")
    if source.get("initiatorName") is not None:
        errors += _validate_initiator(source["initiatorName"], f"{path}.initiatorname", unknown)
    return errors


def validate_fc(source: Obj, path: str) -> list[FieldError]:
    targets, wwids, lun = source.get("targetWWNs") or [], source.get("wwids") or [], source.get("lun")
    errors: list[FieldError] = []
    if not targets and not wwids:
        errors.append(required(f"{path}.targetWWNs", "must specify either targetWWNs or wwids, but not both"))
    if targets and wwids:
        text = "targetWWNs and wwids can not be specified simultaneously"
        errors.append(invalid_value(f"{path}.targetWWNs", targets, text))
    if targets and lun is None:
        errors.append(required(f"{path}.lun", "lun is required if targetWWNs is specified"))
    elif targets and lun is not None and not 0 <= lun <= 255:
        errors.append(invalid_value(f"{path}.lun", lun, names.range_error(0, 255)))
    return errors


def validate_quobyte(source: Obj, path: str) -> list[FieldError]:
    registry = source.get("registry", "")
    errors: list[FieldError] = []
    if not registry:
        errors.append(required(f"{path}.registry", _HOST_PORTS))
    elif len(source.get("tenant", "")) >= 65:
        errors.append(required(f"{path}.tenant", "must be a UUID and may not exceed a length of 64 characters"))
    else:
        wrong = [pair for pair in registry.split(",") if pair.count(":") != 1]
        errors += [invalid_value(f"{path}.registry", registry, _HOST_PORTS) for _ in wrong]
    return errors + required_fields(source, path, fields=("volume",))


def validate_flocker(source: Obj, path: str) -> list[FieldError]:
    name, uuid = source.get("datasetName", ""), source.get("datasetUUID", "")
    errors: list[FieldError] = []
    if not name and not uuid:
        errors.append(required(path, "one of datasetName and datasetUUID is required"))
    if name and uuid:
        text = "datasetName and datasetUUID can not be specified simultaneously"
        errors.append(invalid_value(path, "resource", text))
    if "/" in name:
        errors.append(invalid_value(f"{path}.datasetName", name, "must not contain '/'"))
    return errors


def validate_flex_volume(source: Obj, path: str) -> list[FieldError]:
    errors = required_fields(source, path, fields=("driver",))
    for key in source.get("options") or ():
        owner = "." + key.split("/")[0].lower() if "/" in key else "." + key.lower()
        if owner.endswith((".kubernetes.io", ".k8s.io")):
            text = "kubernetes.io and k8s.io namespaces are reserved"
            errors.append(invalid_value(f"{path}.options[{key}]", key, text))
    return errors


def validate_azure_disk(source: Obj, path: str) -> list[FieldError]:
    errors = required_fields(source, path, fields=("diskName", "diskURI"))
    for key, supported in (
        ("cachingMode", ("None", "ReadOnly", "ReadWrite")),
        ("kind", ("Dedicated", "Managed", "Shared")),
    ):
        if source.get(key) is not None and source[key] not in supported:
            errors.append(not_supported(f"{path}.{key}", source[key], supported))
    uri, kind = source.get("diskURI", ""), source.get("kind")
    if kind == "Managed" and not uri.startswith("/subscriptions/"):
        form = "/subscriptions/{sub-id}/resourcegroups/{group-name}/providers/microsoft.compute/disks/{disk-id}"
        errors.append(not_supported(f"{path}.diskURI", uri, (form,)))
    elif kind is not None and kind != "Managed" and not uri.startswith("https://"):
        form = "https://{account-name}.blob.core.windows.net/{container-name}/{disk-name}.vhd"
        errors.append(not_supported(f"{path}.diskURI", uri, (form,)))
    return errors


def validate_storageos(source: Obj, path: str, *secret_fields: str) -> list[FieldError]:
    errors = required_fields(source, path, fields=("volumeName",))
    for field in ("volumeName", "volumeNamespace"):
        if source.get(field):
            errors += [invalid_value(f"{path}.{field}", source[field], text) for text in names.dns_label(source[field])]
    return errors + validate_secret_reference(source, path, *(secret_fields or ("name",)))


def _validate_cinder(source: Obj, path: str) -> list[FieldError]:
    return required_fields(source, path, fields=("volumeID",)) + validate_secret_reference(source, path, "name")


def validate_csi_driver_name(name: str, path: str) -> list[FieldError]:
    if not name:
        return [required(path)]
    errors = [too_long(path, 63)] if len(name) > 63 else []
    return errors + [invalid_value(path, name, text) for text in names.dns_subdomain(name.lower())]


# Sources whose rules are alike in Pods and PersistentVolumes: source -> (validator, the name in paths).
SHARED_SOURCES: Mapping[str, tuple[Validator, str]] = {
    "hostPath": (validate_host_path, "hostPath"),
    "gcePersistentDisk": (partial(_validate_partition, field="pdName"), "persistentDisk"),
    "awsElasticBlockStore": (partial(_validate_partition, field="volumeID"), "awsElasticBlockStore"),
    "nfs": (validate_nfs, "nfs"),
    "glusterfs": (requires("endpoints", "path"), "glusterfs"),
    "flocker": (validate_flocker, "flocker"),
    "rbd": (requires("monitors", "image"), "rbd"),
    "cephfs": (requires("monitors"), "cephfs"),
    "quobyte": (validate_quobyte, "quobyte"),
    "fc": (validate_fc, "fc"),
    "flexVolume": (validate_flex_volume, "flexVolume"),
    "azureFile": (requires("secretName", "shareName"), "azureFile"),
    "vsphereVolume": (requires("volumePath"), "vsphereVolume"),
    "photonPersistentDisk": (requires("pdID"), "photonPersistentDisk"),
    "portworxVolume": (requires("volumeID"), "portworxVolume"),
    "azureDisk": (validate_azure_disk, "azureDisk"),
    "scaleIO": (requires("gateway", "system", "volumeName"), "scaleIO"),
    "cinder": (_validate_cinder, "cinder"),
    "iscsi": (validate_iscsi, "iscsi"),
    "storageos": (validate_storageos, "storageos"),
}
