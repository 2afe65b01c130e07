"""Validation of DaemonSets."""

from minik.api.go_form import go_struct
from minik.api.groups.apps.workload_validation import (
    is_empty,
    matches_template,
    mismatch,
    validate_collisions,
    validate_counts,
    validate_running_template,
    validate_same_selector,
)
from minik.api.label_selector_validation import validate_label_selector
from minik.api.number_validation import (
    is_zero,
    validate_at_most_100_percent,
    validate_count_or_percent,
    validate_not_negative,
)
from minik.api.types import Obj
from minik.api.validation import NOT_SUPPORTED, FieldError, invalid_value, required

_COUNTS = (
    "currentNumberScheduled",
    "numberMisscheduled",
    "desiredNumberScheduled",
    "numberReady",
    "observedGeneration",
    "updatedNumberScheduled",
    "numberAvailable",
    "numberUnavailable",
    "collisionCount",
)


def _validate_rolling(rolling: Obj, path: str) -> list[FieldError]:
    unavailable, surge = rolling.get("maxUnavailable", 0), rolling.get("maxSurge", 0)
    errors: list[FieldError] = []
    for check in (validate_count_or_percent, validate_at_most_100_percent):
        errors += check(unavailable, f"{path}.maxUnavailable") + check(surge, f"{path}.maxSurge")
    if not is_zero(unavailable) and not is_zero(surge):
        errors.append(invalid_value(f"{path}.maxSurge", surge, "may not be set when maxUnavailable is non-zero"))
    if is_zero(unavailable) and is_zero(surge):
        errors.append(required(f"{path}.maxUnavailable", "cannot be 0 when maxSurge is 0"))
    return errors


def _validate_strategy(strategy: Obj) -> list[FieldError]:
    kind, at = strategy.get("type", ""), "spec.updateStrategy"
    if kind == "OnDelete":
        return []
    if kind == "RollingUpdate":
        return _validate_rolling(strategy.get("rollingUpdate") or {}, f"{at}.rollingUpdate")
    shown = go_struct(strategy, "io.k8s.api.apps.v1.DaemonSetUpdateStrategy")
    return [FieldError(NOT_SUPPORTED, at, shown, 'supported values: "RollingUpdate", "OnDelete"')]


def validate_daemon_set(daemon_set: Obj) -> list[FieldError]:
    spec = daemon_set["spec"]
    selector = spec.get("selector")
    errors = validate_label_selector(selector, "spec.selector")
    if matches_template(spec) is False:
        errors.append(mismatch(spec))
    if selector is not None and is_empty(selector):
        errors.append(invalid_value("spec.selector", selector, "empty selector is invalid for daemonset"))
    errors += validate_running_template(spec.get("template") or {}, "DaemonSet")
    errors += validate_not_negative(spec.get("minReadySeconds"), "spec.minReadySeconds")
    errors += _validate_strategy(spec.get("updateStrategy") or {})
    return errors + validate_not_negative(spec.get("revisionHistoryLimit"), "spec.revisionHistoryLimit")


def validate_daemon_set_update(new: Obj, old: Obj) -> list[FieldError]:
    errors = validate_daemon_set(new)
    return errors + validate_same_selector(new["spec"], old["spec"])


def validate_daemon_set_status_update(new: Obj, old: Obj) -> list[FieldError]:
    status, before = new.get("status") or {}, old.get("status") or {}
    return validate_counts(status, _COUNTS) + validate_collisions(status, before)
