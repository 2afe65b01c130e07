"""VolumeAttributesClass (storage.k8s.io/v1, v1beta1): properties of volumes that may change (KEP-3751)."""

from datetime import datetime
from typing import Any

from minik.api.columns import AGE, NAME, age
from minik.api.groups.storage.class_validation import validate_parameters, validate_provisioner
from minik.api.scheme import Column, Resource, Strategy
from minik.api.types import GVR, Obj
from minik.api.validation import FieldError, forbidden

_COLUMNS = (NAME, Column("DriverName", description="Name of the CSI driver This field is immutable."), AGE)


def _cells(obj: Obj, now: datetime) -> list[Any]:
    return [obj["metadata"]["name"], obj.get("driverName", ""), age(obj, now)]


def _validate(obj: Obj) -> list[FieldError]:
    errors = validate_provisioner(obj.get("driverName", ""), "driverName")
    return errors + validate_parameters(obj.get("parameters"), "parameters", needed=True)


def _validate_update(new: Obj, old: Obj) -> list[FieldError]:
    changed = [name for name in ("driverName", "parameters") if new.get(name) != old.get(name)]
    return [forbidden(name, f"updates to {name} are forbidden.") for name in changed] + _validate(new)


_STRATEGY = Strategy(validate=_validate, validate_update=_validate_update, metadata_checks=("update", "create"))

RESOURCES = (
    Resource(
        group="storage.k8s.io",
        version="v1",
        kind="VolumeAttributesClass",
        plural="volumeattributesclasses",
        singular="volumeattributesclass",
        type_name="io.k8s.api.storage.v1.VolumeAttributesClass",
        namespaced=False,
        short_names=("vac",),
        strategy=_STRATEGY,
        columns=_COLUMNS,
        cells=_cells,
        storage_version_hash="tIjydgKBC5w=",
    ),
    Resource(
        group="storage.k8s.io",
        version="v1beta1",
        kind="VolumeAttributesClass",
        plural="volumeattributesclasses",
        singular="volumeattributesclass",
        type_name="io.k8s.api.storage.v1beta1.VolumeAttributesClass",
        namespaced=False,
        short_names=("vac",),
        strategy=_STRATEGY,
        columns=_COLUMNS,
        cells=_cells,
        storage=GVR("storage.k8s.io", "v1", "volumeattributesclasses"),
        storage_version_hash="tIjydgKBC5w=",
        deprecation="storage.k8s.io/v1beta1 VolumeAttributesClass is deprecated in v1.34+, unavailable in v1.37+",
    ),
)
