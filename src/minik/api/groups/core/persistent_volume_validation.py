"""Validation of PersistentVolumes.

Rules: https://kubernetes.io/docs/reference/kubernetes-api/config-and-storage-resources/persistent-volume-v1/
"""

import posixpath
from collections.abc import Mapping

from minik.api import names
from minik.api.go_form import go_diff, go_value
from minik.api.groups.core.node_labels import DEPRECATED_LABELS
from minik.api.groups.core.node_selector_validation import validate_node_selector
from minik.api.groups.core.path_validation import validate_no_backsteps
from minik.api.groups.core.resources_validation import validate_basic, validate_positive
from minik.api.groups.core.volume_claim_spec_validation import (
    VOLUME_MODES,
    validate_access_modes,
    validate_class_name,
)
from minik.api.groups.core.volume_sources_validation import (
    SHARED_SOURCES,
    Validator,
    required_fields,
    validate_csi_driver_name,
    validate_iscsi,
    validate_secret_reference,
    validate_storageos,
)
from minik.api.object_meta import validate_immutable
from minik.api.types import Obj
from minik.api.validation import FieldError, forbidden, invalid_value, not_supported, required

_RECLAIM_POLICIES = ("Delete", "Recycle", "Retain")
_SECRET_REFS = (
    "controllerPublishSecretRef",
    "controllerExpandSecretRef",
    "nodePublishSecretRef",
    "nodeExpandSecretRef",
)
_MUTABLE_REFS = ("controllerExpandSecretRef",)
_LABEL_RENAMES = {
    old: text.split('"')[1] for old, text in DEPRECATED_LABELS.items() if old.startswith(("beta.", "failure-"))
}
# Sources whose mount options may be given by an old annotation; any other refuses it.
_MOUNT_OPTIONS = "volume.beta.kubernetes.io/mount-options"
_MOUNT_OPTION_SOURCES = (
    "gcePersistentDisk",
    "awsElasticBlockStore",
    "glusterfs",
    "nfs",
    "rbd",
    "quobyte",
    "iscsi",
    "cinder",
    "cephfs",
    "azureFile",
    "vsphereVolume",
    "azureDisk",
    "photonPersistentDisk",
)


def _validate_glusterfs(source: Obj, path: str) -> list[FieldError]:
    errors = required_fields(source, path, fields=("endpoints", "path"))
    namespace, at = source.get("endpointsNamespace"), f"{path}.endpointsNamespace"
    if namespace is None:
        return errors
    if not namespace:
        text = "if the endpointnamespace is set, it must be a valid namespace name"
        return [*errors, invalid_value(at, namespace, text)]
    return errors + [invalid_value(at, namespace, text) for text in names.dns_label(namespace)]


def _validate_cinder(source: Obj, path: str) -> list[FieldError]:
    errors = required_fields(source, path, fields=("volumeID",))
    return errors + validate_secret_reference(source, path, "name", "namespace")


def _validate_azure_file(source: Obj, path: str) -> list[FieldError]:
    errors = required_fields(source, path, fields=("secretName", "shareName"))
    return [*errors, required(f"{path}.secretNamespace")] if source.get("secretNamespace") == "" else errors


def _validate_local(source: Obj, path: str) -> list[FieldError]:
    if not source.get("path"):
        return [required(f"{path}.path")]
    return validate_no_backsteps(source["path"], f"{path}.path")


def _validate_storageos(source: Obj, path: str) -> list[FieldError]:
    return validate_storageos(source, path, "name", "namespace")


def _validate_csi(source: Obj, path: str) -> list[FieldError]:
    errors = validate_csi_driver_name(source.get("driver", ""), f"{path}.driver")
    errors += required_fields(source, path, fields=("volumeHandle",))
    for key in _SECRET_REFS:
        reference = source.get(key)
        if reference is None:
            continue
        for field, rule in (("name", names.dns_subdomain), ("namespace", names.dns_label)):
            value, at = reference.get(field, ""), f"{path}.{key}.{field}"
            errors += [invalid_value(at, value, text) for text in rule(value)] if value else [required(at)]
    return errors


# In the order upstream looks at them.
_SOURCES: Mapping[str, tuple[Validator, str]] = {
    "hostPath": SHARED_SOURCES["hostPath"],
    "gcePersistentDisk": SHARED_SOURCES["gcePersistentDisk"],
    "awsElasticBlockStore": SHARED_SOURCES["awsElasticBlockStore"],
    "glusterfs": (_validate_glusterfs, "glusterfs"),
    "flocker": SHARED_SOURCES["flocker"],
    "nfs": SHARED_SOURCES["nfs"],
    "rbd": SHARED_SOURCES["rbd"],
    "quobyte": SHARED_SOURCES["quobyte"],
    "cephfs": SHARED_SOURCES["cephfs"],
    "iscsi": SHARED_SOURCES["iscsi"],
    "cinder": (_validate_cinder, "cinder"),
    "fc": SHARED_SOURCES["fc"],
    "flexVolume": SHARED_SOURCES["flexVolume"],
    "azureFile": (_validate_azure_file, "azureFile"),
    "vsphereVolume": SHARED_SOURCES["vsphereVolume"],
    "photonPersistentDisk": SHARED_SOURCES["photonPersistentDisk"],
    "portworxVolume": SHARED_SOURCES["portworxVolume"],
    "azureDisk": SHARED_SOURCES["azureDisk"],
    "scaleIO": SHARED_SOURCES["scaleIO"],
    "local": (_validate_local, "local"),
    "storageos": (_validate_storageos, "storageos"),
    "csi": (_validate_csi, "csi"),
}
# The fields of the internal PersistentVolumeSource, as messages show them.
_GO_ORDER = (
    "gcePersistentDisk",
    "awsElasticBlockStore",
    "hostPath",
    "glusterfs",
    "nfs",
    "rbd",
    "quobyte",
    "iscsi",
    "flexVolume",
    "cinder",
    "cephfs",
    "fc",
    "flocker",
    "azureFile",
    "vsphereVolume",
    "azureDisk",
    "photonPersistentDisk",
    "portworxVolume",
    "scaleIO",
    "local",
    "storageos",
    "csi",
)


def _validate_source(spec: Obj, name: str) -> list[FieldError]:
    errors: list[FieldError] = []
    found = False
    for kind, (validate, shown) in _SOURCES.items():
        source = spec.get(kind)
        if source is None:
            continue
        if found and kind != "flexVolume":
            at = "spec.cephFS" if kind == "cephfs" else f"spec.{kind}"
            errors.append(forbidden(at, "may not specify more than 1 volume type"))
            continue
        found = True
        if kind == "iscsi":
            errors += validate_iscsi(source, "spec.iscsi", volume=name)
        else:
            errors += validate(source, f"spec.{shown}")
        if kind == "local" and spec.get("nodeAffinity") is None:
            errors.append(required("spec.nodeAffinity", "Local volume requires node affinity"))
    return errors if found else [*errors, required("spec", "must specify a volume type")]


def _validate_capacity(capacity: Mapping[str, str]) -> list[FieldError]:
    at = "spec.capacity"
    errors = [] if capacity else [required(at)]
    if set(capacity) != {"storage"}:
        errors.append(not_supported(at, capacity or None, ("storage",)))
    for name, text in capacity.items():
        errors += validate_basic(text, f"{at}[{name}]") + validate_positive(text, f"{at}[{name}]")
    return errors


def validate_persistent_volume(volume: Obj) -> list[FieldError]:
    return _validate_spec(volume) + _validate_mount_options(volume)


def _validate_mount_options(volume: Obj) -> list[FieldError]:
    annotations, spec = volume["metadata"].get("annotations") or {}, volume["spec"]
    if _MOUNT_OPTIONS not in annotations or any(spec.get(kind) is not None for kind in _MOUNT_OPTION_SOURCES):
        return []
    text = "may not specify mount options for this volume type"
    return [forbidden(f"metadata.annotations.{_MOUNT_OPTIONS}", text)]


def _validate_spec(volume: Obj) -> list[FieldError]:
    spec = volume["spec"]
    modes, policy, affinity = (
        spec.get("accessModes") or [],
        spec.get("persistentVolumeReclaimPolicy"),
        spec.get("nodeAffinity"),
    )
    errors = [] if modes else [required("spec.accessModes")]
    errors += validate_access_modes(modes, "spec.accessModes") + _validate_capacity(spec.get("capacity") or {})
    if policy and policy not in _RECLAIM_POLICIES:
        errors.append(not_supported("spec.persistentVolumeReclaimPolicy", policy, _RECLAIM_POLICIES))
    if affinity is not None:
        if affinity.get("required") is None:
            text = "must specify required node constraints"
            errors.append(required("spec.nodeAffinity.required", text))
        else:
            errors += validate_node_selector(affinity["required"], "spec.nodeAffinity.required")
    errors += _validate_source(spec, volume["metadata"].get("name", ""))
    host = (spec.get("hostPath") or {}).get("path")
    if host and posixpath.normpath(host) == "/" and policy == "Recycle":
        text = "may not be 'recycle' for a hostPath mount of '/'"
        errors.append(forbidden("spec.persistentVolumeReclaimPolicy", text))
    errors += validate_class_name(spec.get("storageClassName"), "spec.storageClassName")
    mode = spec.get("volumeMode")
    if mode is not None and mode not in VOLUME_MODES:
        errors.append(not_supported("spec.volumeMode", mode, VOLUME_MODES))
    return errors + _validate_attributes_class(spec)


def _validate_attributes_class(spec: Obj) -> list[FieldError]:
    name, at = spec.get("volumeAttributesClassName"), "spec.volumeAttributesClassName"
    if name is None:
        return []
    errors = validate_class_name(name, at) if name else [required(at, "an empty string is disallowed")]
    if spec.get("csi") is None:
        errors.append(required("spec.csi", "has to be specified when using volumeAttributesClassName"))
    return errors


def _sources(spec: Obj, *, without: Mapping[str, object] | None = None) -> Obj:
    found = {kind: spec[kind] for kind in _SOURCES if spec.get(kind) is not None}
    if without and "csi" in found:
        found["csi"] = {key: value for key, value in found["csi"].items() if key not in without}
    return found


def _same_affinity(new: Obj | None, old: Obj) -> bool:
    """Equal, but for requirements whose deprecated label got its new name."""
    if new is None:
        return False
    terms, before = (((each.get("required") or {}).get("nodeSelectorTerms")) or [] for each in (new, old))
    return len(terms) == len(before) and all(map(_same_term, terms, before))


def _same_term(new: Obj, old: Obj) -> bool:
    wanted, before = new.get("matchExpressions") or [], old.get("matchExpressions") or []
    renamed = [
        {**had, "key": has.get("key")} if _LABEL_RENAMES.get(had.get("key", "")) == has.get("key") else had
        for has, had in zip(wanted, before, strict=False)
    ]
    same_fields = (new.get("matchFields") or []) == (old.get("matchFields") or [])
    return len(wanted) == len(before) and wanted == renamed and same_fields


def validate_persistent_volume_update(new: Obj, old: Obj) -> list[FieldError]:
    spec, before = new["spec"], old["spec"]
    errors = validate_persistent_volume(new) + _validate_spec(new)
    added = {
        key: None
        for key in _MUTABLE_REFS
        if (before.get("csi") or {}).get(key) is None and (spec.get("csi") or {}).get(key) is not None
    }
    sources, old_sources = _sources(spec, without=added), _sources(before)
    if sources != old_sources:
        difference = go_diff(old_sources, sources, "PersistentVolumeSpec", _GO_ORDER)
        text = f"spec.persistentvolumesource is immutable after creation\n{difference}"
        errors.append(forbidden("spec.persistentvolumesource", text))
    errors += validate_immutable(spec.get("volumeMode"), before.get("volumeMode"), "volumeMode")
    affinity = before.get("nodeAffinity")
    if affinity is not None and not _same_affinity(spec.get("nodeAffinity"), affinity):
        wanted = spec.get("nodeAffinity")
        shown = go_value(wanted, "VolumeNodeAffinity") if wanted is not None else None
        text = "field is immutable, except for updating from beta label to GA"
        errors.append(invalid_value("nodeAffinity", shown, text))
    if before.get("volumeAttributesClassName") is not None and spec.get("volumeAttributesClassName") is None:
        text = "update from non-nil value to nil is forbidden"
        errors.append(forbidden("spec.volumeAttributesClassName", text))
    return errors
