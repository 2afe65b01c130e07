"""ReplicaSet (apps/v1): keeps a number of equal Pods running.

Behaviour: https://kubernetes.io/docs/concepts/workloads/controllers/replicaset/
"""

from datetime import datetime
from typing import Any

from minik.api.columns import AGE, CONTAINERS, IMAGES, NAME, age, container_cells
from minik.api.groups.apps.replica_set_validation import (
    validate_replica_set,
    validate_replica_set_status_update,
    validate_replica_set_update,
)
from minik.api.groups.apps.workload_columns import selector_cell
from minik.api.groups.apps.workload_warnings import name_warnings, spec_changed
from minik.api.groups.core.pod_defaults import default_pod_template
from minik.api.groups.core.pod_warnings import template_warnings
from minik.api.groups.status_rules import RESET_STATUS, keep_status, reset_status, status_strategy
from minik.api.scheme import Column, Resource, Strategy, Subresource
from minik.api.types import Obj

_TYPE = "io.k8s.api.apps.v1.ReplicaSet"
_COLUMNS = (
    NAME,
    Column(
        "Desired",
        type="integer",
        description=(
            "Replicas is the number of desired pods. This is a pointer to distinguish between explicit zero and "
            "unspecified. Defaults to 1. More info: "
            "https://kubernetes.io/docs/concepts/workloads/controllers/replicaset"
        ),
    ),
    Column(
        "Current",
        type="integer",
        description=(
            "Replicas is the most recently observed number of non-terminating pods. More info: "
            "https://kubernetes.io/docs/concepts/workloads/controllers/replicaset"
        ),
    ),
    Column(
        "Ready",
        type="integer",
        description="The number of non-terminating pods targeted by this ReplicaSet with a Ready Condition.",
    ),
    AGE,
    CONTAINERS,
    IMAGES,
    Column(
        "Selector",
        priority=1,
        description=(
            "Selector is a label query over pods that should match the replica count. Label keys and values that "
            "must match in order to be controlled by this replica set. It must match the pod template's labels. "
            "More info: https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#label-selectors"
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
        *container_cells(spec["template"]["spec"].get("containers")),
        selector_cell(spec.get("selector")),
    ]


def _default(obj: Obj) -> None:
    spec = obj.setdefault("spec", {})
    default_pod_template(spec.setdefault("template", {}))
    if spec.get("replicas") is None:
        spec["replicas"] = 1


def _warn(new: Obj, old: Obj | None) -> list[str]:
    if not spec_changed(new, old):
        return []
    return name_warnings(new, old) + template_warnings(new["spec"].get("template"), "spec.template")


RESOURCES = (
    Resource(
        group="apps",
        version="v1",
        kind="ReplicaSet",
        plural="replicasets",
        singular="replicaset",
        type_name=_TYPE,
        short_names=("rs",),
        categories=("all",),
        strategy=Strategy(
            default=_default,
            prepare_create=reset_status(_TYPE),
            prepare_update=keep_status,
            validate=validate_replica_set,
            validate_update=validate_replica_set_update,
            warn=_warn,
            has_generation=True,
            reset_fields=RESET_STATUS,
        ),
        subresources=(
            Subresource(name="scale", kind="Scale", kind_group="autoscaling", kind_version="v1"),
            Subresource(
                name="status",
                kind="ReplicaSet",
                strategy=status_strategy(default=_default, validate_update=validate_replica_set_status_update),
            ),
        ),
        columns=_COLUMNS,
        cells=_cells,
        storage_version_hash="P1RzHs8/mWQ=",
    ),
)
