"""RuntimeClass (node.k8s.io/v1): which handler of the container runtime runs a Pod.

Behaviour: https://kubernetes.io/docs/concepts/containers/runtime-class/
"""

from datetime import datetime
from typing import Any

from minik.api import names
from minik.api.columns import AGE, NAME, age
from minik.api.groups.core.node_labels import DEPRECATED_LABELS
from minik.api.groups.core.resources_validation import validate_container_resource_name, validate_quantity
from minik.api.groups.core.scheduling_validation import validate_tolerations
from minik.api.label_selector_validation import validate_labels
from minik.api.object_meta import validate_immutable
from minik.api.scheme import Column, Resource, Strategy
from minik.api.types import Obj
from minik.api.validation import FieldError, duplicate, invalid_value

_COLUMNS = (NAME, Column("Handler"), AGE)


def _cells(obj: Obj, now: datetime) -> list[Any]:
    return [obj["metadata"]["name"], obj.get("handler", ""), age(obj, now)]


def _validate(obj: Obj) -> list[FieldError]:
    handler = obj.get("handler", "")
    errors = [invalid_value("handler", handler, text) for text in names.dns_label(handler)]
    for name, text in ((obj.get("overhead") or {}).get("podFixed") or {}).items():
        errors += validate_container_resource_name(name, f"overhead.podFixed.limits[{name}]")
        errors += validate_quantity(name, text, f"overhead.podFixed.limits[{name}]")
    scheduling = obj.get("scheduling") or {}
    errors += validate_labels(scheduling.get("nodeSelector"), "scheduling.nodeSelector")
    tolerations = scheduling.get("tolerations") or []
    errors += validate_tolerations(tolerations, "scheduling.tolerations")
    errors += [duplicate(f"scheduling.tolerations[{i}]", t) for i, t in enumerate(tolerations) if t in tolerations[:i]]
    return errors


def _validate_update(new: Obj, old: Obj) -> list[FieldError]:
    return _validate(new) + validate_immutable(new.get("handler", ""), old.get("handler", ""), "handler")


def _warn(obj: Obj, _old: Obj | None) -> list[str]:
    labels = (obj.get("scheduling") or {}).get("nodeSelector") or {}
    return [f"scheduling.nodeSelector: {DEPRECATED_LABELS[key]}" for key in labels if key in DEPRECATED_LABELS]


RESOURCES = (
    Resource(
        group="node.k8s.io",
        version="v1",
        kind="RuntimeClass",
        plural="runtimeclasses",
        singular="runtimeclass",
        type_name="io.k8s.api.node.v1.RuntimeClass",
        namespaced=False,
        strategy=Strategy(
            validate=_validate,
            validate_update=_validate_update,
            warn=_warn,
            create_on_update=True,
            unconditional_update=False,
            metadata_checks=("create", "update"),
        ),
        columns=_COLUMNS,
        cells=_cells,
        storage_version_hash="WQTu1GL3T2Q=",
    ),
)
