"""PodDisruptionBudget (policy/v1): how many Pods may be taken away at once.

Behaviour: https://kubernetes.io/docs/tasks/run-application/configure-pdb/
"""

from datetime import datetime
from typing import Any

from minik.api.columns import AGE, NAME, age
from minik.api.condition_validation import validate_conditions
from minik.api.go_form import go_struct
from minik.api.groups.status_rules import RESET_STATUS, keep_status, reset_status, status_strategy
from minik.api.label_selector_validation import validate_label_selector
from minik.api.names import path_segment_name
from minik.api.number_validation import validate_at_most_100_percent, validate_count_or_percent, validate_not_negative
from minik.api.scheme import Column, Resource, Strategy, Subresource
from minik.api.types import Obj
from minik.api.validation import FieldError, invalid_value, not_supported

_TYPE = "io.k8s.api.policy.v1.PodDisruptionBudget"
_POLICIES = ("AlwaysAllow", "IfHealthyBudget")
_COLUMNS = (
    NAME,
    Column("Min Available", description="The minimum number of pods that must be available."),
    Column("Max Unavailable", description="The maximum number of pods that may be unavailable."),
    Column(
        "Allowed Disruptions",
        type="integer",
        description="Calculated number of pods that may be disrupted at this time.",
    ),
    AGE,
)


def _cells(obj: Obj, now: datetime) -> list[Any]:
    spec = obj.get("spec") or {}
    limits = [spec.get("minAvailable"), spec.get("maxUnavailable")]
    return [
        obj["metadata"]["name"],
        *("N/A" if limit is None else str(limit) for limit in limits),
        (obj.get("status") or {}).get("disruptionsAllowed", 0),
        age(obj, now),
    ]


def _validate(obj: Obj) -> list[FieldError]:
    spec = obj.get("spec") or {}
    errors: list[FieldError] = []
    if spec.get("minAvailable") is not None and spec.get("maxUnavailable") is not None:
        shown = go_struct(spec, "io.k8s.api.policy.v1.PodDisruptionBudgetSpec")
        errors.append(invalid_value("spec", shown, "minAvailable and maxUnavailable cannot be both set"))
    for key in ("minAvailable", "maxUnavailable"):
        if spec.get(key) is not None:
            errors += validate_count_or_percent(spec[key], f"spec.{key}")
            errors += validate_at_most_100_percent(spec[key], f"spec.{key}")
    errors += validate_label_selector(spec.get("selector"), "spec.selector")
    policy = spec.get("unhealthyPodEvictionPolicy")
    if policy is not None and policy not in _POLICIES:
        errors.append(not_supported("spec.unhealthyPodEvictionPolicy", policy, _POLICIES))
    return errors


def _validate_update(new: Obj, _old: Obj) -> list[FieldError]:
    return _validate(new)


def _validate_status(new: Obj, _old: Obj) -> list[FieldError]:
    status = new.get("status") or {}
    errors = validate_conditions(status.get("conditions"), "status.conditions")
    for key in ("disruptionsAllowed", "currentHealthy", "desiredHealthy", "expectedPods"):
        errors += validate_not_negative(status.get(key), f"status.{key}")
    return errors


RESOURCES = (
    Resource(
        group="policy",
        version="v1",
        kind="PodDisruptionBudget",
        plural="poddisruptionbudgets",
        singular="poddisruptionbudget",
        type_name=_TYPE,
        short_names=("pdb",),
        strategy=Strategy(
            prepare_create=reset_status(_TYPE),
            prepare_update=keep_status,
            validate=_validate,
            validate_update=_validate_update,
            has_generation=True,
            unconditional_update=False,
            name_errors=path_segment_name,
            metadata_checks=(),
            reset_fields=RESET_STATUS,
        ),
        subresources=(
            Subresource(
                name="status",
                kind="PodDisruptionBudget",
                strategy=status_strategy(validate_update=_validate_status, metadata_checks=()),
            ),
        ),
        columns=_COLUMNS,
        cells=_cells,
        storage_version_hash="EVWiDmWqyJw=",
    ),
)
