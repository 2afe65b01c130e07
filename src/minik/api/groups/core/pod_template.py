"""PodTemplate (v1): a pod template that stands alone."""

from datetime import datetime
from typing import Any

from minik.api.columns import NAME, container_cells, labels_cell
from minik.api.groups.core.pod_defaults import default_pod_template
from minik.api.groups.core.pod_scheduling_fields import drop_disabled_fields
from minik.api.groups.core.pod_template_validation import validate_pod_template
from minik.api.groups.core.pod_warnings import template_warnings
from minik.api.scheme import Column, Resource, Strategy
from minik.api.types import Obj
from minik.api.validation import FieldError

_COLUMNS = (
    NAME,
    Column("Containers", description="Names of each container in the template."),
    Column("Images", description="Images referenced by each container in the template."),
    Column("Pod Labels", description="The labels for the pod template."),
)


def _cells(obj: Obj, _now: datetime) -> list[Any]:
    template = obj.get("template") or {}
    return [
        obj["metadata"]["name"],
        *container_cells((template.get("spec") or {}).get("containers")),
        labels_cell((template.get("metadata") or {}).get("labels")),
    ]


def _default(obj: Obj) -> None:
    default_pod_template(obj.setdefault("template", {}))


def _validate(obj: Obj) -> list[FieldError]:
    return validate_pod_template(obj["template"], "template")


def _validate_update(new: Obj, _old: Obj) -> list[FieldError]:
    return validate_pod_template(new["template"], "template")


def _drop_disabled_fields(obj: Obj) -> None:
    drop_disabled_fields(obj["template"]["spec"])


def _warn(new: Obj, old: Obj | None) -> list[str]:
    if old is not None and new["template"] == old.get("template"):
        return []
    return template_warnings(new["template"], "template")


RESOURCES = (
    Resource(
        group="",
        version="v1",
        kind="PodTemplate",
        plural="podtemplates",
        singular="podtemplate",
        type_name="io.k8s.api.core.v1.PodTemplate",
        strategy=Strategy(
            default=_default,
            prepare_create=_drop_disabled_fields,
            prepare_update=lambda new, _old: _drop_disabled_fields(new),
            validate=_validate,
            validate_update=_validate_update,
            warn=_warn,
            has_generation=True,
            generation_changes=lambda new, old: bool(new.get("template") != old.get("template")),
        ),
        columns=_COLUMNS,
        cells=_cells,
        storage_version_hash="LIXB2x4IFpk=",
    ),
)
