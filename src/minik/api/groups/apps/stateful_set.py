"""StatefulSet (apps/v1): Pods with lasting names and volumes.

Behaviour: https://kubernetes.io/docs/concepts/workloads/controllers/statefulset/
"""

from datetime import datetime
from typing import Any

from minik.api.columns import AGE, CONTAINERS, IMAGES, NAME, age, container_cells
from minik.api.groups.apps.stateful_set_validation import (
    validate_stateful_set,
    validate_stateful_set_status_update,
    validate_stateful_set_update,
)
from minik.api.groups.apps.workload_warnings import spec_changed
from minik.api.groups.core.pod_defaults import default_pod_template
from minik.api.groups.core.pod_warnings import claim_spec_warnings, template_warnings
from minik.api.groups.core.volume_claim_defaults import default_claim_spec
from minik.api.groups.status_rules import RESET_STATUS, empty_status, keep_status, status_strategy
from minik.api.names import label_name
from minik.api.scheme import Column, Resource, Strategy, Subresource
from minik.api.types import Obj

_TYPE = "io.k8s.api.apps.v1.StatefulSet"
_COLUMNS = (
    NAME,
    Column("Ready", description="Number of the pod with ready state"),
    AGE,
    CONTAINERS,
    IMAGES,
)


def _cells(obj: Obj, now: datetime) -> list[Any]:
    spec, status = obj["spec"], obj.get("status") or {}
    return [
        obj["metadata"]["name"],
        f"{status.get('readyReplicas', 0)}/{spec.get('replicas', 0)}",
        age(obj, now),
        *container_cells(spec["template"]["spec"].get("containers")),
    ]


def _default_claim(claim: Obj) -> None:
    """Claims inside the set are whole PersistentVolumeClaims, status included."""
    claim["kind"], claim["apiVersion"] = "PersistentVolumeClaim", "v1"
    default_claim_spec(claim.setdefault("spec", {}))
    status = claim.setdefault("status", {})
    status["phase"] = status.get("phase") or "Pending"


def _default(obj: Obj) -> None:
    spec = obj.setdefault("spec", {})
    default_pod_template(spec.setdefault("template", {}))
    for claim in spec.get("volumeClaimTemplates") or ():
        _default_claim(claim)
    spec["podManagementPolicy"] = spec.get("podManagementPolicy") or "OrderedReady"
    strategy = spec.setdefault("updateStrategy", {})
    if not strategy.get("type"):
        strategy["type"] = "RollingUpdate"
        strategy.setdefault("rollingUpdate", {})
    if strategy["type"] == "RollingUpdate" and strategy.get("rollingUpdate") is not None:
        strategy["rollingUpdate"].setdefault("partition", 0)
    retention = spec.setdefault("persistentVolumeClaimRetentionPolicy", {})
    for key in ("whenDeleted", "whenScaled"):
        retention[key] = retention.get(key) or "Retain"
    for key, value in (("replicas", 1), ("revisionHistoryLimit", 10)):
        if spec.get(key) is None:
            spec[key] = value


def _drop_unavailable(obj: Obj, old: Obj | None) -> None:
    """rollingUpdate.maxUnavailable is for the feature MaxUnavailableStatefulSet, which v1.36 leaves off."""
    rolling, before = (
        (each["spec"]["updateStrategy"].get("rollingUpdate") or {}) if each else {} for each in (obj, old)
    )
    if before.get("maxUnavailable") is None:
        rolling.pop("maxUnavailable", None)


def _prepare_create(obj: Obj) -> None:
    obj["status"] = empty_status(_TYPE)
    _drop_unavailable(obj, None)


def _prepare_update(new: Obj, old: Obj) -> None:
    keep_status(new, old)
    _drop_unavailable(new, old)


def _warn(new: Obj, old: Obj | None) -> list[str]:
    spec = new["spec"]
    warnings = template_warnings(spec.get("template"), "spec.template") if spec_changed(new, old) else []
    for index, claim in enumerate(spec.get("volumeClaimTemplates") or ()):
        at = f"spec.volumeClaimTemplates[{index}]{'.Spec' if old else ''}"  # the paths are upstream's
        warnings += claim_spec_warnings(claim.get("spec") or {}, at)
    if (spec.get("revisionHistoryLimit") or 0) < 0:
        text = "a negative value retains all historical revisions; a value >= 0 is recommended"
        warnings.append(f"spec.revisionHistoryLimit: {text}")
    return warnings


RESOURCES = (
    Resource(
        group="apps",
        version="v1",
        kind="StatefulSet",
        plural="statefulsets",
        singular="statefulset",
        type_name=_TYPE,
        short_names=("sts",),
        categories=("all",),
        strategy=Strategy(
            default=_default,
            prepare_create=_prepare_create,
            prepare_update=_prepare_update,
            validate=validate_stateful_set,
            validate_update=validate_stateful_set_update,
            warn=_warn,
            name_errors=label_name,
            has_generation=True,
            reset_fields=RESET_STATUS,
        ),
        subresources=(
            Subresource(name="scale", kind="Scale", kind_group="autoscaling", kind_version="v1"),
            Subresource(
                name="status",
                kind="StatefulSet",
                strategy=status_strategy(default=_default, validate_update=validate_stateful_set_status_update),
            ),
        ),
        columns=_COLUMNS,
        cells=_cells,
        storage_version_hash="H+vl74LkKdo=",
    ),
)
