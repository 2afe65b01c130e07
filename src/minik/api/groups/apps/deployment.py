"""Deployment (apps/v1): replaces Pods step by step through ReplicaSets.

Behaviour: https://kubernetes.io/docs/concepts/workloads/controllers/deployment/
"""

from datetime import datetime
from typing import Any

from minik.api.columns import AGE, CONTAINERS, IMAGES, NAME, age, container_cells
from minik.api.groups.apps.deployment_validation import (
    validate_deployment,
    validate_deployment_status_update,
    validate_deployment_update,
)
from minik.api.groups.apps.workload_columns import selector_cell
from minik.api.groups.apps.workload_warnings import name_warnings, spec_changed
from minik.api.groups.core.pod_defaults import default_pod_template
from minik.api.groups.core.pod_warnings import template_warnings
from minik.api.groups.status_rules import RESET_STATUS, keep_spec, keep_status, reset_status, status_strategy
from minik.api.scheme import Column, Resource, Strategy, Subresource
from minik.api.types import Obj

_TYPE = "io.k8s.api.apps.v1.Deployment"
_COLUMNS = (
    NAME,
    Column("Ready", description="Number of the pod with ready state"),
    Column(
        "Up-to-date",
        description=(
            "Total number of non-terminating pods targeted by this deployment that have the desired template spec."
        ),
    ),
    Column(
        "Available",
        description=(
            "Total number of available non-terminating pods (ready for at least minReadySeconds) targeted by this "
            "deployment."
        ),
    ),
    AGE,
    CONTAINERS,
    IMAGES,
    Column(
        "Selector",
        priority=1,
        description=(
            "Label selector for pods. Existing ReplicaSets whose pods are selected by this will be the ones "
            "affected by this deployment. It must match the pod template's labels."
        ),
    ),
)


def _cells(obj: Obj, now: datetime) -> list[Any]:
    spec, status = obj["spec"], obj.get("status") or {}
    return [
        obj["metadata"]["name"],
        f"{status.get('readyReplicas', 0)}/{spec.get('replicas', 0)}",
        status.get("updatedReplicas", 0),
        status.get("availableReplicas", 0),
        age(obj, now),
        *container_cells(spec["template"]["spec"].get("containers")),
        selector_cell(spec.get("selector")),
    ]


def _default(obj: Obj) -> None:
    spec = obj.setdefault("spec", {})
    default_pod_template(spec.setdefault("template", {}))
    for key, value in (("replicas", 1), ("revisionHistoryLimit", 10), ("progressDeadlineSeconds", 600)):
        if spec.get(key) is None:
            spec[key] = value
    strategy = spec.setdefault("strategy", {})
    strategy["type"] = strategy.get("type") or "RollingUpdate"
    if strategy["type"] == "RollingUpdate":
        rolling = strategy.setdefault("rollingUpdate", {})
        rolling.setdefault("maxUnavailable", "25%")
        rolling.setdefault("maxSurge", "25%")


def _generation_changes(new: Obj, old: Obj) -> bool:
    annotations, before = (each["metadata"].get("annotations") or {} for each in (new, old))
    return bool(new["spec"] != old["spec"] or annotations != before)


def _prepare_status(new: Obj, old: Obj) -> None:
    keep_spec(new, old)
    new["metadata"]["labels"] = old["metadata"].get("labels")
    if new["metadata"]["labels"] is None:
        del new["metadata"]["labels"]


def _warn(new: Obj, old: Obj | None) -> list[str]:
    if not spec_changed(new, old):
        return []
    return name_warnings(new, old) + template_warnings(new["spec"].get("template"), "spec.template")


RESOURCES = (
    Resource(
        group="apps",
        version="v1",
        kind="Deployment",
        plural="deployments",
        singular="deployment",
        type_name=_TYPE,
        short_names=("deploy",),
        categories=("all",),
        strategy=Strategy(
            default=_default,
            prepare_create=reset_status(_TYPE),
            prepare_update=keep_status,
            validate=validate_deployment,
            validate_update=validate_deployment_update,
            warn=_warn,
            has_generation=True,
            generation_changes=_generation_changes,
            reset_fields=RESET_STATUS,
        ),
        subresources=(
            Subresource(name="scale", kind="Scale", kind_group="autoscaling", kind_version="v1"),
            Subresource(
                name="status",
                kind="Deployment",
                strategy=status_strategy(
                    default=_default,
                    prepare_update=_prepare_status,
                    validate_update=validate_deployment_status_update,
                    reset_fields=frozenset({("spec",), ("metadata", "labels")}),
                ),
            ),
        ),
        columns=_COLUMNS,
        cells=_cells,
        storage_version_hash="8aSe+NMegvE=",
    ),
)
