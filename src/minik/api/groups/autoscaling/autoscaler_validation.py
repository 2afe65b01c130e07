"""Validation of HorizontalPodAutoscalers, in autoscaling/v2's form."""

from minik.api.groups.autoscaling.metrics_validation import Group, validate_metrics, validate_reference
from minik.api.number_validation import validate_not_negative, validate_positive
from minik.api.quantity import parse
from minik.api.types import Obj
from minik.api.validation import FieldError, invalid_value, not_supported, required

_SELECT_POLICIES = ("Disabled", "Max", "Min")
_POLICY_TYPES = ("Percent", "Pods")
_MAX_WINDOW, _MAX_PERIOD = 3600, 1800


def _validate_policy(policy: Obj, path: str) -> list[FieldError]:
    kind, period = policy.get("type", ""), policy.get("periodSeconds", 0)
    errors = [] if kind in _POLICY_TYPES else [not_supported(f"{path}.type", kind, _POLICY_TYPES)]
    errors += validate_positive(policy.get("value", 0), f"{path}.value")
    errors += validate_positive(period, f"{path}.periodSeconds")
    if period > _MAX_PERIOD:
        errors.append(invalid_value(f"{path}.periodSeconds", period, f"must be less than or equal to {_MAX_PERIOD}"))
    return errors


def _validate_rules(rules: Obj | None, path: str) -> list[FieldError]:
    if rules is None:
        return []
    errors: list[FieldError] = []
    window, chosen, policies = rules.get("stabilizationWindowSeconds"), rules.get("selectPolicy"), rules.get("policies")
    at = f"{path}.stabilizationWindowSeconds"
    if window is not None and window < 0:
        errors.append(invalid_value(at, window, "must be greater than or equal to zero"))
    if window is not None and window > _MAX_WINDOW:
        errors.append(invalid_value(at, window, f"must be less than or equal to {_MAX_WINDOW}"))
    if chosen is not None and chosen not in _SELECT_POLICIES:
        errors.append(not_supported(f"{path}.selectPolicy", chosen, _SELECT_POLICIES))
    if not policies:
        errors.append(required(f"{path}.policies", "must specify at least one Policy"))
    for index, policy in enumerate(policies or ()):
        errors += _validate_policy(policy, f"{path}.policies[{index}]")
    tolerance = rules.get("tolerance")
    if tolerance is not None and parse(tolerance).nanos < 0:
        errors.append(invalid_value(f"{path}.tolerance", tolerance, "must be greater than or equal to 0"))
    return errors


def _validate_target(spec: Obj) -> list[FieldError]:
    """Only one kind of the core group can be scaled."""
    reference = spec.get("scaleTargetRef") or {}
    group = Group.ANY if reference.get("kind") == "ReplicationController" else Group.REQUIRED
    return validate_reference(reference, "spec.scaleTargetRef", group)


def validate_autoscaler(autoscaler: Obj, old: Obj | None = None) -> list[FieldError]:
    """`old`: what is updated. Versions and a number that were wrong before may stay so."""
    spec, before = autoscaler["spec"], old["spec"] if old else {}
    low, high = spec.get("minReplicas"), spec.get("maxReplicas", 0)
    lowest = 0 if before.get("minReplicas") == 0 else 1
    errors: list[FieldError] = []
    if low is not None and low < lowest:
        errors.append(invalid_value("spec.minReplicas", low, f"must be greater than or equal to {lowest}"))
    if high < 1:
        errors.append(required("spec.maxReplicas", "must be set and greater than 0"))
    if low is not None and high < low:
        errors.append(invalid_value("spec.maxReplicas", high, "must be greater than or equal to `minReplicas`"))
    found, version = _validate_target(spec), "spec.scaleTargetRef.apiVersion"
    if old and any(error.field == version for error in _validate_target(before)):
        found = [error for error in found if error.field != version]
    errors += found + validate_metrics(spec.get("metrics") or (), "spec.metrics", low)
    behavior = spec.get("behavior") or {}
    for key in ("scaleUp", "scaleDown"):
        errors += _validate_rules(behavior.get(key), f"spec.behavior.{key}")
    return errors


def validate_autoscaler_update(new: Obj, old: Obj) -> list[FieldError]:
    return validate_autoscaler(new, old)


def validate_autoscaler_status_update(new: Obj, _old: Obj) -> list[FieldError]:
    status = new.get("status") or {}
    errors = validate_not_negative(status.get("currentReplicas"), "status.currentReplicas")
    return errors + validate_not_negative(status.get("desiredReplicas"), "status.desiredReplicas")
