"""Validation of Deployments."""

from minik.api.groups.apps.workload_validation import (
    validate_at_most,
    validate_collisions,
    validate_counts,
    validate_replica_template,
    validate_same_selector,
    validate_selector,
)
from minik.api.number_validation import (
    is_zero,
    validate_at_most_100_percent,
    validate_count_or_percent,
    validate_not_negative,
)
from minik.api.types import Obj
from minik.api.validation import FieldError, forbidden, invalid_value, not_supported

_TYPES = ("Recreate", "RollingUpdate")
_COUNTS = (
    "observedGeneration",
    "replicas",
    "updatedReplicas",
    "readyReplicas",
    "availableReplicas",
    "unavailableReplicas",
    "terminatingReplicas",
    "collisionCount",
)


def _validate_rolling(rolling: Obj, path: str) -> list[FieldError]:
    unavailable, surge = rolling.get("maxUnavailable", 0), rolling.get("maxSurge", 0)
    errors = validate_count_or_percent(unavailable, f"{path}.maxUnavailable")
    errors += validate_count_or_percent(surge, f"{path}.maxSurge")
    if is_zero(unavailable) and is_zero(surge):
        text = "may not be 0 when `maxSurge` is 0"
        errors.append(invalid_value(f"{path}.maxUnavailable", unavailable, text))
    return errors + validate_at_most_100_percent(unavailable, f"{path}.maxUnavailable")


def _validate_strategy(strategy: Obj) -> list[FieldError]:
    kind, rolling, at = strategy.get("type", ""), strategy.get("rollingUpdate"), "spec.strategy"
    if kind not in _TYPES:
        return [not_supported(f"{at}.type", kind, _TYPES)]
    if kind == "RollingUpdate":
        return _validate_rolling(rolling or {}, f"{at}.rollingUpdate")
    if rolling is not None:
        return [forbidden(f"{at}.rollingUpdate", "may not be specified when strategy `type` is 'Recreate'")]
    return []


def validate_deployment(deployment: Obj) -> list[FieldError]:
    spec = deployment["spec"]
    errors = validate_not_negative(spec.get("replicas"), "spec.replicas")
    errors += validate_selector(spec, "invalid for deployment") + validate_replica_template(spec)
    errors += _validate_strategy(spec.get("strategy") or {})
    for key in ("minReadySeconds", "revisionHistoryLimit", "progressDeadlineSeconds"):
        errors += validate_not_negative(spec.get(key), f"spec.{key}")
    deadline = spec.get("progressDeadlineSeconds")
    if deadline is not None and deadline <= spec.get("minReadySeconds", 0):
        text = "must be greater than minReadySeconds"
        errors.append(invalid_value("spec.progressDeadlineSeconds", deadline, text))
    return errors


def validate_deployment_update(new: Obj, old: Obj) -> list[FieldError]:
    errors = validate_deployment(new)
    return errors + validate_same_selector(new["spec"], old["spec"])


def validate_deployment_status_update(new: Obj, old: Obj) -> list[FieldError]:
    status, before = new.get("status") or {}, old.get("status") or {}
    errors = validate_counts(status, _COUNTS)
    total = ("updatedReplicas", "readyReplicas", "availableReplicas")
    errors += validate_at_most(status, total, "replicas", "cannot be greater than status.replicas")
    errors += validate_at_most(status, total[2:], "readyReplicas", "cannot be greater than readyReplicas")
    return errors + validate_collisions(status, before)
