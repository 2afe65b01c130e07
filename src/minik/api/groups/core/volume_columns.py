"""The rows of PersistentVolumes and PersistentVolumeClaims in tables."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from minik.api.columns import AGE, NAME, age
from minik.api.scheme import Column
from minik.api.types import Obj

VOLUME_COLUMNS = (
    NAME,
    Column(
        "Capacity",
        description=(
            "capacity is the description of the persistent volume's resources and capacity. More info: "
            "https://kubernetes.io/docs/concepts/storage/persistent-volumes#capacity"
        ),
    ),
    Column(
        "Access Modes",
        description=(
            "accessModes contains all ways the volume can be mounted. More info: "
            "https://kubernetes.io/docs/concepts/storage/persistent-volumes#access-modes"
        ),
    ),
    Column(
        "Reclaim Policy",
        description=(
            "persistentVolumeReclaimPolicy defines what happens to a persistent volume when released from its "
            "claim. Valid options are Retain (default for manually created PersistentVolumes), Delete (default "
            "for dynamically provisioned PersistentVolumes), and Recycle (deprecated). Recycle must be "
            "supported by the volume plugin underlying this PersistentVolume. More info: "
            "https://kubernetes.io/docs/concepts/storage/persistent-volumes#reclaiming"
        ),
    ),
    Column(
        "Status",
        description=(
            "phase indicates if a volume is available, bound to a claim, or released by a claim. More info: "
            "https://kubernetes.io/docs/concepts/storage/persistent-volumes#phase"
        ),
    ),
    Column(
        "Claim",
        description=(
            "claimRef is part of a bi-directional binding between PersistentVolume and PersistentVolumeClaim. "
            "Expected to be non-nil when bound. claim.VolumeName is the authoritative bind between PV and PVC. "
            "More info: https://kubernetes.io/docs/concepts/storage/persistent-volumes#binding"
        ),
    ),
    Column("StorageClass", description="StorageClass of the pv"),
    Column("VolumeAttributesClass", description="VolumeAttributesClass of the pv"),
    Column(
        "Reason",
        description=(
            "reason is a brief CamelCase string that describes any failure and is meant for machine parsing and "
            "tidy display in the CLI."
        ),
    ),
    AGE,
    Column(
        "VolumeMode",
        priority=1,
        description=(
            "volumeMode defines if a volume is intended to be used with a formatted filesystem or to remain in "
            "raw block state. Value of Filesystem is implied when not included in spec."
        ),
    ),
)

CLAIM_COLUMNS = (
    NAME,
    Column("Status", description="phase represents the current phase of PersistentVolumeClaim."),
    Column("Volume", description="volumeName is the binding reference to the PersistentVolume backing this claim."),
    Column("Capacity", description="capacity represents the actual resources of the underlying volume."),
    Column(
        "Access Modes",
        description=(
            "accessModes contains the actual access modes the volume backing the PVC has. More info: "
            "https://kubernetes.io/docs/concepts/storage/persistent-volumes#access-modes-1"
        ),
    ),
    Column("StorageClass", description="StorageClass of the pvc"),
    Column("VolumeAttributesClass", description="VolumeAttributesClass of the pvc"),
    AGE,
    Column(
        "VolumeMode",
        priority=1,
        description=(
            "volumeMode defines what type of volume is required by the claim. Value of Filesystem is implied "
            "when not included in claim spec."
        ),
    ),
)

_CLASS_ANNOTATION = "volume.beta.kubernetes.io/storage-class"
_MODES = {"ReadWriteOnce": "RWO", "ReadOnlyMany": "ROX", "ReadWriteMany": "RWX", "ReadWriteOncePod": "RWOP"}


def _access_modes(modes: Sequence[str] | None) -> str:
    return ",".join(short for mode, short in _MODES.items() if mode in (modes or ()))


def _storage_class(obj: Obj) -> str:
    annotations = obj["metadata"].get("annotations") or {}
    return str(annotations.get(_CLASS_ANNOTATION, obj["spec"].get("storageClassName") or ""))


def _class_of_attributes(spec: Obj) -> str:
    name = spec.get("volumeAttributesClassName")
    return "<unset>" if name is None else str(name)


def _phase(obj: Obj) -> str:
    if obj["metadata"].get("deletionTimestamp"):
        return "Terminating"
    return str((obj.get("status") or {}).get("phase", ""))


def volume_cells(volume: Obj, now: datetime) -> list[Any]:
    spec = volume["spec"]
    claim = spec.get("claimRef")
    return [
        volume["metadata"]["name"],
        (spec.get("capacity") or {}).get("storage", "0"),
        _access_modes(spec.get("accessModes")),
        spec.get("persistentVolumeReclaimPolicy", ""),
        _phase(volume),
        f"{claim.get('namespace', '')}/{claim.get('name', '')}" if claim else "",
        _storage_class(volume),
        _class_of_attributes(spec),
        (volume.get("status") or {}).get("reason", ""),
        age(volume, now),
        spec.get("volumeMode", "<unset>"),
    ]


def claim_cells(claim: Obj, now: datetime) -> list[Any]:
    spec, status = claim["spec"], claim.get("status") or {}
    bound = bool(spec.get("volumeName"))
    return [
        claim["metadata"]["name"],
        _phase(claim),
        spec.get("volumeName", ""),
        (status.get("capacity") or {}).get("storage", "0") if bound else "",
        _access_modes(status.get("accessModes")) if bound else "",
        _storage_class(claim),
        _class_of_attributes(spec),
        age(claim, now),
        spec.get("volumeMode", "<unset>"),
    ]
