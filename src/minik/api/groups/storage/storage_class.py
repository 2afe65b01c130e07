"""StorageClass (storage.k8s.io/v1): how volumes are made.

Behaviour: https://kubernetes.io/docs/concepts/storage/storage-classes/
"""

from datetime import datetime
from typing import Any

from minik.api.columns import AGE, NAME, age
from minik.api.groups.core.node_labels import DEPRECATED_LABELS
from minik.api.groups.storage.class_validation import validate_parameters, validate_provisioner, validate_topologies
from minik.api.object_meta import validate_immutable
from minik.api.scheme import Column, Resource, Strategy
from minik.api.types import Obj
from minik.api.validation import FieldError, not_supported, required

_RECLAIM_POLICIES = ("Delete", "Retain")
_BINDING_MODES = ("Immediate", "WaitForFirstConsumer")
_DEFAULT_CLASS = (
    "storageclass.kubernetes.io/is-default-class",
    "storageclass.beta.kubernetes.io/is-default-class",
)
_COLUMNS = (
    NAME,
    Column("Provisioner", description="provisioner indicates the type of the provisioner."),
    Column(
        "ReclaimPolicy",
        description=(
            "reclaimPolicy controls the reclaimPolicy for dynamically provisioned PersistentVolumes of this "
            "storage class. Defaults to Delete."
        ),
    ),
    Column(
        "VolumeBindingMode",
        description=(
            "volumeBindingMode indicates how PersistentVolumeClaims should be provisioned and bound.  When unset, "
            "VolumeBindingImmediate is used. This field is only honored by servers that enable the "
            "VolumeScheduling feature."
        ),
    ),
    Column(
        "AllowVolumeExpansion",
        description="allowVolumeExpansion shows whether the storage class allow volume expand.",
    ),
    AGE,
)


def _cells(obj: Obj, now: datetime) -> list[Any]:
    annotations, name = obj["metadata"].get("annotations") or {}, obj["metadata"]["name"]
    if any(annotations.get(key) == "true" for key in _DEFAULT_CLASS):
        name += " (default)"
    return [
        name,
        obj.get("provisioner", ""),
        obj.get("reclaimPolicy") or "Delete",
        obj.get("volumeBindingMode") or "Immediate",
        bool(obj.get("allowVolumeExpansion")),
        age(obj, now),
    ]


def _default(obj: Obj) -> None:
    for key, value in (("reclaimPolicy", "Delete"), ("volumeBindingMode", "Immediate")):
        if obj.get(key) is None:
            obj[key] = value


def _validate(obj: Obj) -> list[FieldError]:
    errors = validate_provisioner(obj.get("provisioner", ""), "provisioner")
    errors += validate_parameters(obj.get("parameters"), "parameters")
    policy, mode = obj.get("reclaimPolicy"), obj.get("volumeBindingMode")
    if policy and policy not in _RECLAIM_POLICIES:
        errors.append(not_supported("reclaimPolicy", policy, _RECLAIM_POLICIES))
    if mode is None:
        errors.append(required("volumeBindingMode"))
    elif mode not in _BINDING_MODES:
        errors.append(not_supported("volumeBindingMode", mode, _BINDING_MODES))
    return errors + validate_topologies(obj.get("allowedTopologies") or (), "allowedTopologies")


def _validate_update(new: Obj, old: Obj) -> list[FieldError]:
    errors = _validate(new) + validate_immutable(new.get("parameters"), old.get("parameters"), "parameters")
    for key in ("provisioner", "reclaimPolicy", "volumeBindingMode"):
        errors += validate_immutable(new.get(key, ""), old.get(key, ""), key)
    return errors


def _warn(obj: Obj, _old: Obj | None) -> list[str]:
    return [
        f"allowedTopologies[{index}].matchLabelExpressions[{number}].key: {DEPRECATED_LABELS[expression['key']]}"
        for index, term in enumerate(obj.get("allowedTopologies") or ())
        for number, expression in enumerate(term.get("matchLabelExpressions") or ())
        if expression.get("key") in DEPRECATED_LABELS
    ]


RESOURCES = (
    Resource(
        group="storage.k8s.io",
        version="v1",
        kind="StorageClass",
        plural="storageclasses",
        singular="storageclass",
        type_name="io.k8s.api.storage.v1.StorageClass",
        namespaced=False,
        short_names=("sc",),
        strategy=Strategy(
            default=_default,
            validate=_validate,
            validate_update=_validate_update,
            warn=_warn,
            metadata_checks=("create", "update"),
        ),
        columns=_COLUMNS,
        cells=_cells,
        storage_version_hash="K+m6uJwbjGY=",
    ),
)
