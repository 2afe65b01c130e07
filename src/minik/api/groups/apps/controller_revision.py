"""ControllerRevision (apps/v1): an earlier template of a StatefulSet or DaemonSet, which never changes."""

from datetime import datetime
from typing import Any

from minik.api.columns import AGE, NAME, age
from minik.api.number_validation import validate_not_negative
from minik.api.object_meta import validate_immutable
from minik.api.scheme import Column, Resource, Strategy
from minik.api.types import Obj
from minik.api.validation import FieldError, required

_COLUMNS = (
    NAME,
    Column("Controller", description="Controller of the object"),
    Column("Revision", description="Revision indicates the revision of the state represented by Data."),
    AGE,
)


def _controller(obj: Obj) -> str:
    """The controlling owner as kubectl names things: `statefulset.apps/web`."""
    for owner in obj["metadata"].get("ownerReferences") or ():
        if owner.get("controller"):
            group = owner.get("apiVersion", "").rpartition("/")[0]
            kind = owner.get("kind", "").lower()
            return f"{kind}.{group}/{owner.get('name', '')}" if group else f"{kind}/{owner.get('name', '')}"
    return "<none>"


def _cells(obj: Obj, now: datetime) -> list[Any]:
    return [obj["metadata"]["name"], _controller(obj), obj.get("revision", 0), age(obj, now)]


def _validate_revision(obj: Obj) -> list[FieldError]:
    return validate_not_negative(obj.get("revision"), "revision")


def _validate(obj: Obj) -> list[FieldError]:
    errors, data = _validate_revision(obj), obj.get("data")
    if data is None:
        errors.append(required("data", "data is mandatory"))
    elif not isinstance(data, dict):
        errors.append(required("data", "data must be a valid JSON object"))
    return errors


def _validate_update(new: Obj, old: Obj) -> list[FieldError]:
    return _validate_revision(new) + validate_immutable(new.get("data"), old.get("data"), "data")


RESOURCES = (
    Resource(
        group="apps",
        version="v1",
        kind="ControllerRevision",
        plural="controllerrevisions",
        singular="controllerrevision",
        type_name="io.k8s.api.apps.v1.ControllerRevision",
        strategy=Strategy(validate=_validate, validate_update=_validate_update, metadata_checks=("update", "create")),
        columns=_COLUMNS,
        cells=_cells,
        storage_version_hash="85nkx63pcBU=",
    ),
)
