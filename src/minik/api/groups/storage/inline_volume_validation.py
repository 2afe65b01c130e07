"""Validation of the PersistentVolumeSpec that a VolumeAttachment may hold for a migrated inline volume.

It is a PersistentVolume's, but for what only makes sense of a volume of one's own.
"""

from dataclasses import replace

from minik.api.groups.core.persistent_volume_validation import validate_persistent_volume
from minik.api.types import Obj
from minik.api.validation import FieldError, forbidden, required

_INLINE = "in the context of inline volumes"
_OWN = ("capacity", "persistentVolumeReclaimPolicy", "nodeAffinity")


def validate_inline_volume(spec: Obj, path: str) -> list[FieldError]:
    errors = [
        forbidden(f"{path}.{key}", f"may not be specified {_INLINE}")
        for key in ("claimRef", "capacity")
        if spec.get(key)
    ]
    if spec.get("csi") is None:
        errors.append(required(f"{path}.csi", f"has to be specified {_INLINE}"))
    found = validate_persistent_volume({"metadata": {"name": ""}, "spec": spec})
    skipped = tuple(f"spec.{key}" for key in _OWN)
    kept = [error for error in found if not error.field.startswith(skipped)]
    modes = [error for error in kept if error.field.startswith("spec.accessModes")]
    for error in modes:
        errors.append(replace(error, field=path + error.field.removeprefix("spec")))
    if spec.get("persistentVolumeReclaimPolicy", "Retain") != "Retain":
        errors.append(forbidden(f"{path}.persistentVolumeReclaimPolicy", f"may only be Retain {_INLINE}"))
    if spec.get("nodeAffinity") is not None:
        errors.append(forbidden(f"{path}.nodeAffinity", f"may not be specified {_INLINE}"))
    rest = (error for error in kept if error not in modes)
    return errors + [replace(error, field=path + error.field.removeprefix("spec")) for error in rest]
