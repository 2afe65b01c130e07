"""DaemonSet (apps/v1): one Pod on every node that fits.

The annotation `deprecated.daemonset.template.generation` is what is left of spec.templateGeneration of older versions;
the server keeps it up.
Behaviour: https://kubernetes.io/docs/concepts/workloads/controllers/daemonset/
"""

from datetime import datetime
from typing import Any

from minik.api.columns import AGE, CONTAINERS, IMAGES, NAME, age, container_cells, labels_cell
from minik.api.groups.apps.daemon_set_validation import (
    validate_daemon_set,
    validate_daemon_set_status_update,
    validate_daemon_set_update,
)
from minik.api.groups.apps.workload_columns import selector_cell
from minik.api.groups.apps.workload_warnings import spec_changed
from minik.api.groups.core.pod_defaults import default_pod_template
from minik.api.groups.core.pod_warnings import template_warnings
from minik.api.groups.status_rules import RESET_STATUS, empty_status, keep_spec, keep_status, status_strategy
from minik.api.scheme import Column, Resource, Strategy, Subresource
from minik.api.types import Obj

_TYPE = "io.k8s.api.apps.v1.DaemonSet"
_TEMPLATE_GENERATION = "deprecated.daemonset.template.generation"
_COLUMNS = (
    NAME,
    Column(
        "Desired",
        type="integer",
        description=(
            "The total number of nodes that should be running the daemon pod (including nodes correctly running the "
            "daemon pod). More info: https://kubernetes.io/docs/concepts/workloads/controllers/daemonset/"
        ),
    ),
    Column(
        "Current",
        type="integer",
        description=(
            "The number of nodes that are running at least 1 daemon pod and are supposed to run the daemon pod. "
            "More info: https://kubernetes.io/docs/concepts/workloads/controllers/daemonset/"
        ),
    ),
    Column(
        "Ready",
        type="integer",
        description=(
            "numberReady is the number of nodes that should be running the daemon pod and have one or more of the "
            "daemon pod running with a Ready Condition."
        ),
    ),
    Column(
        "Up-to-date",
        type="integer",
        description="The total number of nodes that are running updated daemon pod",
    ),
    Column(
        "Available",
        type="integer",
        description=(
            "The number of nodes that should be running the daemon pod and have one or more of the daemon pod "
            "running and available (ready for at least spec.minReadySeconds)"
        ),
    ),
    Column(
        "Node Selector",
        description=(
            "NodeSelector is a selector which must be true for the pod to fit on a node. Selector which must match a "
            "node's labels for the pod to be scheduled on that node. More info: "
            "https://kubernetes.io/docs/concepts/configuration/assign-pod-node/"
        ),
    ),
    AGE,
    CONTAINERS,
    IMAGES,
    Column(
        "Selector",
        priority=1,
        description=(
            "A label query over pods that are managed by the daemon set. Must match in order to be controlled. It "
            "must match the pod template's labels. More info: "
            "https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#label-selectors"
        ),
    ),
)
_COUNTS = (
    "desiredNumberScheduled",
    "currentNumberScheduled",
    "numberReady",
    "updatedNumberScheduled",
    "numberAvailable",
)


def _cells(obj: Obj, now: datetime) -> list[Any]:
    spec, status = obj["spec"], obj.get("status") or {}
    pod = spec["template"]["spec"]
    return [
        obj["metadata"]["name"],
        *(status.get(key, 0) for key in _COUNTS),
        labels_cell(pod.get("nodeSelector")),
        age(obj, now),
        *container_cells(pod.get("containers")),
        selector_cell(spec.get("selector")),
    ]


def _default(obj: Obj) -> None:
    spec = obj.setdefault("spec", {})
    default_pod_template(spec.setdefault("template", {}))
    strategy = spec.setdefault("updateStrategy", {})
    strategy["type"] = strategy.get("type") or "RollingUpdate"
    if strategy["type"] == "RollingUpdate":
        rolling = strategy.setdefault("rollingUpdate", {})
        rolling.setdefault("maxUnavailable", 1)
        rolling.setdefault("maxSurge", 0)
    if spec.get("revisionHistoryLimit") is None:
        spec["revisionHistoryLimit"] = 10
    annotations = obj["metadata"].get("annotations") or {}
    if _TEMPLATE_GENERATION not in annotations:
        obj["metadata"]["annotations"] = {**annotations, _TEMPLATE_GENERATION: "0"}


def template_generation(obj: Obj) -> int:
    text = (obj["metadata"].get("annotations") or {}).get(_TEMPLATE_GENERATION, "0")
    return int(text) if text.lstrip("+-").isdigit() else 0


def _set_template_generation(obj: Obj, number: int) -> None:
    annotations = obj["metadata"].get("annotations") or {}
    obj["metadata"]["annotations"] = {**annotations, _TEMPLATE_GENERATION: str(number)}


def _prepare_create(obj: Obj) -> None:
    obj["status"] = empty_status(_TYPE)
    _set_template_generation(obj, max(template_generation(obj), 1))


def _prepare_update(new: Obj, old: Obj) -> None:
    keep_status(new, old)
    changed = new["spec"].get("template") != old["spec"].get("template")
    _set_template_generation(new, template_generation(old) + (1 if changed else 0))


def _prepare_status(new: Obj, old: Obj) -> None:
    keep_spec(new, old)
    _set_template_generation(new, template_generation(old))


def _warn(new: Obj, old: Obj | None) -> list[str]:
    if not spec_changed(new, old):
        return []
    return template_warnings(new["spec"].get("template"), "spec.template")


RESOURCES = (
    Resource(
        group="apps",
        version="v1",
        kind="DaemonSet",
        plural="daemonsets",
        singular="daemonset",
        type_name=_TYPE,
        short_names=("ds",),
        categories=("all",),
        strategy=Strategy(
            default=_default,
            prepare_create=_prepare_create,
            prepare_update=_prepare_update,
            validate=validate_daemon_set,
            validate_update=validate_daemon_set_update,
            warn=_warn,
            has_generation=True,
            reset_fields=RESET_STATUS,
        ),
        subresources=(
            Subresource(
                name="status",
                kind="DaemonSet",
                strategy=status_strategy(
                    default=_default, prepare_update=_prepare_status, validate_update=validate_daemon_set_status_update
                ),
            ),
        ),
        columns=_COLUMNS,
        cells=_cells,
        storage_version_hash="dd7pWHUlMKQ=",
    ),
)
