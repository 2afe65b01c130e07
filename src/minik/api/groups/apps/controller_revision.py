"""ControllerRevision (apps/v1): an earlier template of a StatefulSet or DaemonSet, which never changes."""

from datetime import datetime
from typing import Any

from minik.api.columns import AGE, NAME, age
from minik.api.scheme import Column, Resource
from minik.api.types import Obj

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


RESOURCES = (
    Resource(
        group="apps",
        version="v1",
        kind="ControllerRevision",
        plural="controllerrevisions",
        singular="controllerrevision",
        type_name="io.k8s.api.apps.v1.ControllerRevision",
        columns=_COLUMNS,
        cells=_cells,
        storage_version_hash="85nkx63pcBU=",
    ),
)
