"""LimitRange (v1): bounds and defaults for the resources of Pods, containers and claims in a namespace.

Behaviour: https://kubernetes.io/docs/concepts/policy/limit-range/
"""

import uuid
from datetime import datetime
from typing import Any

from minik.api.columns import CREATION_TIME, NAME
from minik.api.groups.core.limit_range_validation import validate_limit_range
from minik.api.scheme import Column, Resource, Strategy
from minik.api.types import Obj
from minik.api.validation import FieldError

_COLUMNS = (NAME, Column("Created At", type="date", description=CREATION_TIME))


def _cells(obj: Obj, _now: datetime) -> list[Any]:
    return [obj["metadata"]["name"], obj["metadata"].get("creationTimestamp")]


def _default(obj: Obj) -> None:
    """Of container limits: default follows max, defaultRequest follows default, then min."""
    for item in (obj.get("spec") or {}).get("limits") or ():
        if item.get("type") != "Container":
            continue
        default = {**(item.get("max") or {}), **(item.get("default") or {})}
        request = {**(item.get("min") or {}), **default, **(item.get("defaultRequest") or {})}
        if default:
            item["default"] = default
        if request:
            item["defaultRequest"] = request


def _prepare_create(obj: Obj) -> None:
    """The one kind whose objects need no name."""
    if not obj["metadata"].get("name"):
        obj["metadata"]["name"] = str(uuid.uuid4())


def _validate_update(new: Obj, _old: Obj) -> list[FieldError]:
    return validate_limit_range(new)


RESOURCES = (
    Resource(
        group="",
        version="v1",
        kind="LimitRange",
        plural="limitranges",
        singular="limitrange",
        type_name="io.k8s.api.core.v1.LimitRange",
        short_names=("limits",),
        strategy=Strategy(
            default=_default,
            prepare_create=_prepare_create,
            validate=validate_limit_range,
            validate_update=_validate_update,
            create_on_update=True,
            metadata_checks=("create",),
        ),
        columns=_COLUMNS,
        cells=_cells,
        storage_version_hash="EBKMFVe6cwo=",
    ),
)
