"""ReplicationController (v1): the ancestor of ReplicaSet.

Behaviour: https://kubernetes.io/docs/concepts/workloads/controllers/replicationcontroller/
"""

from datetime import datetime
from typing import Any

from minik.api import names
from minik.api.columns import AGE, CONTAINERS, IMAGES, NAME, age, container_cells, labels_cell
from minik.api.groups.core.pod_defaults import default_pod_template
from minik.api.groups.core.pod_scheduling_fields import drop_disabled_fields
from minik.api.groups.core.pod_warnings import template_warnings
from minik.api.groups.core.replication_controller_validation import (
    validate_replication_controller,
    validate_replication_controller_status_update,
    validate_replication_controller_update,
)
from minik.api.scheme import Column, Resource, Strategy, Subresource
from minik.api.types import Obj

_COLUMNS = (
    NAME,
    Column(
        "Desired",
        type="integer",
        description=(
            "Replicas is the number of desired replicas. This is a pointer to distinguish between explicit zero "
            "and unspecified. Defaults to 1. More info: "
            "https://kubernetes.io/docs/concepts/workloads/controllers/replicationcontroller#what-is-a-replicationcontroller"
        ),
    ),
    Column(
        "Current",
        type="integer",
        description=(
            "Replicas is the most recently observed number of replicas. More info: "
            "https://kubernetes.io/docs/concepts/workloads/controllers/replicationcontroller#what-is-a-replicationcontroller"
        ),
    ),
    Column("Ready", type="integer", description="The number of ready replicas for this replication controller."),
    AGE,
    CONTAINERS,
    IMAGES,
    Column(
        "Selector",
        priority=1,
        description=(
            "Selector is a label query over pods that should match the Replicas count. If Selector is empty, it "
            "is defaulted to the labels present on the Pod template. Label keys and values that must match in "
            "order to be controlled by this replication controller, if empty defaulted to labels on Pod "
            "template. More info: "
            "https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#label-selectors"
        ),
    ),
)


def _cells(obj: Obj, now: datetime) -> list[Any]:
    spec, status = obj["spec"], obj.get("status") or {}
    return [
        obj["metadata"]["name"],
        spec.get("replicas", 0),
        status.get("replicas", 0),
        status.get("readyReplicas", 0),
        age(obj, now),
        *container_cells(((spec.get("template") or {}).get("spec") or {}).get("containers")),
        labels_cell(spec.get("selector")),
    ]


def _default(obj: Obj) -> None:
    """Selector and labels follow from the template's labels."""
    spec = obj.setdefault("spec", {})
    if spec.get("replicas") is None:
        spec["replicas"] = 1
    template = spec.get("template")
    if template is None:
        return
    default_pod_template(template)
    labels = (template.get("metadata") or {}).get("labels")
    if labels:
        spec["selector"] = spec.get("selector") or dict(labels)
        obj["metadata"]["labels"] = obj["metadata"].get("labels") or dict(labels)


def _drop_disabled_fields(obj: Obj) -> None:
    drop_disabled_fields((obj["spec"].get("template") or {}).get("spec") or {})


def _prepare_create(obj: Obj) -> None:
    obj["status"] = {"replicas": 0}
    _drop_disabled_fields(obj)


def _prepare_update(new: Obj, old: Obj) -> None:
    new["status"] = old.get("status") or {"replicas": 0}
    _drop_disabled_fields(new)


def _prepare_status(new: Obj, old: Obj) -> None:
    new["spec"] = old["spec"]


def _warn(new: Obj, old: Obj | None) -> list[str]:
    """Of an update, about the template that was (upstream has the two the wrong way round)."""
    if old is not None:
        return template_warnings(old["spec"].get("template"), "spec.template") if new["spec"] != old["spec"] else []
    warnings = []
    complaints = names.dns_label(new["metadata"].get("name", ""))
    if complaints:
        listed = " ".join(complaints)
        warnings.append(
            "metadata.name: this is used in Pod names and hostnames, which can result in surprising behavior; "
            f"a DNS label is recommended: [{listed}]"
        )
    return warnings + template_warnings(new["spec"].get("template"), "spec.template")


RESOURCES = (
    Resource(
        group="",
        version="v1",
        kind="ReplicationController",
        plural="replicationcontrollers",
        singular="replicationcontroller",
        type_name="io.k8s.api.core.v1.ReplicationController",
        short_names=("rc",),
        categories=("all",),
        strategy=Strategy(
            default=_default,
            prepare_create=_prepare_create,
            prepare_update=_prepare_update,
            validate=validate_replication_controller,
            validate_update=validate_replication_controller_update,
            warn=_warn,
            has_generation=True,
            metadata_checks=("create", "update"),
            default_propagation="Orphan",
            name_errors=names.declared_long_name,
            reset_fields=frozenset({("status",)}),
        ),
        subresources=(
            Subresource(name="scale", kind="Scale", kind_group="autoscaling", kind_version="v1"),
            Subresource(
                name="status",
                kind="ReplicationController",
                strategy=Strategy(
                    default=_default,
                    prepare_update=_prepare_status,
                    validate_update=validate_replication_controller_status_update,
                    has_generation=True,
                    reset_fields=frozenset({("spec",)}),
                ),
            ),
        ),
        columns=_COLUMNS,
        cells=_cells,
        selectable_fields={"status.replicas": lambda obj: str((obj.get("status") or {}).get("replicas", 0))},
        storage_version_hash="Jond2If31h0=",
    ),
)
