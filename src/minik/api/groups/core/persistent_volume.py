"""PersistentVolume (v1): storage that outlives Pods.

Behaviour: https://kubernetes.io/docs/concepts/storage/persistent-volumes/
"""

from datetime import UTC, datetime

from minik.api.groups.core.persistent_volume_validation import (
    validate_persistent_volume,
    validate_persistent_volume_update,
)
from minik.api.groups.core.pod_defaults import default_volume_source
from minik.api.groups.core.volume_columns import VOLUME_COLUMNS, volume_cells
from minik.api.groups.core.volume_warnings import volume_warnings
from minik.api.scheme import Resource, Strategy, Subresource
from minik.api.types import Obj


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _default(obj: Obj) -> None:
    spec = obj.setdefault("spec", {})
    status = obj.setdefault("status", {})
    status["phase"] = status.get("phase") or "Pending"
    spec["persistentVolumeReclaimPolicy"] = spec.get("persistentVolumeReclaimPolicy") or "Retain"
    if spec.get("volumeMode") is None:
        spec["volumeMode"] = "Filesystem"
    default_volume_source(spec)


def _prepare_create(obj: Obj) -> None:
    obj["status"] = {"phase": "Pending", "lastPhaseTransitionTime": _now()}


def _prepare_update(new: Obj, old: Obj) -> None:
    new["status"] = old.get("status") or {}


def _prepare_status(new: Obj, old: Obj) -> None:
    """Notes when the phase changed, unless the client says so itself."""
    new["spec"] = old["spec"]
    status, before = new.setdefault("status", {}), old.get("status") or {}
    said = status.get("lastPhaseTransitionTime")
    if status.get("phase") != before.get("phase") and said in (None, before.get("lastPhaseTransitionTime")):
        status["lastPhaseTransitionTime"] = _now()
    elif said is None and before.get("lastPhaseTransitionTime"):
        status["lastPhaseTransitionTime"] = before["lastPhaseTransitionTime"]


RESOURCES = (
    Resource(
        group="",
        version="v1",
        kind="PersistentVolume",
        plural="persistentvolumes",
        singular="persistentvolume",
        type_name="io.k8s.api.core.v1.PersistentVolume",
        namespaced=False,
        short_names=("pv",),
        strategy=Strategy(
            default=_default,
            prepare_create=_prepare_create,
            prepare_update=_prepare_update,
            validate=validate_persistent_volume,
            validate_update=validate_persistent_volume_update,
            warn=volume_warnings,
            metadata_checks=("create", "create"),
            reset_fields=frozenset({("status",)}),
        ),
        subresources=(
            Subresource(
                name="status",
                kind="PersistentVolume",
                strategy=Strategy(
                    default=_default, prepare_update=_prepare_status, reset_fields=frozenset({("spec",)})
                ),
            ),
        ),
        columns=VOLUME_COLUMNS,
        cells=volume_cells,
        storage_version_hash="HN/zwEC+JgM=",
    ),
)
