"""Validation of ResourceQuotas: resource names, and scopes that can be combined and counted.

Rules: https://kubernetes.io/docs/concepts/policy/resource-quotas/#quota-scopes
"""

from collections.abc import Collection, Mapping

from minik.api.go_form import go_value
from minik.api.groups.core.resources_validation import (
    is_quota_name,
    validate_quantity,
    validate_quota_resource_name,
)
from minik.api.types import Obj
from minik.api.validation import FieldError, invalid_value, required

_SCOPES = (
    "Terminating",
    "NotTerminating",
    "BestEffort",
    "NotBestEffort",
    "PriorityClass",
    "CrossNamespacePodAffinity",
    "VolumeAttributesClass",
)
_EXISTS_ONLY = ("BestEffort", "NotBestEffort", "Terminating", "NotTerminating", "CrossNamespacePodAffinity")
_CONFLICTS = ({"BestEffort", "NotBestEffort"}, {"Terminating", "NotTerminating"})
_COMPUTE = frozenset((*(f"{which}{name}" for which in ("", "requests.", "limits.") for name in ("cpu", "memory")),))
_EXISTS_TEXT = (
    "must be 'Exists' when scope is any of ResourceQuotaScopeTerminating, ResourceQuotaScopeNotTerminating, "
    "ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort or ResourceQuotaScopeCrossNamespacePodAffinity"
)
_CLASS_SUFFIX = "storageclass.storage.k8s.io/"


def _counts(scope: str, resource: str) -> bool:
    """Can this resource be counted within the scope?"""
    if scope == "BestEffort":
        return resource == "pods"
    if scope == "VolumeAttributesClass":
        return resource in ("persistentvolumeclaims", "requests.storage") or _CLASS_SUFFIX in resource
    if scope in _SCOPES:
        return resource == "pods" or resource in _COMPUTE
    return True


def _uncountable(scope: str, hard: Collection[str]) -> list[str]:
    return [name for name in sorted(hard) if is_quota_name(name) and not _counts(scope, name)]


def _validate_scopes(spec: Obj) -> list[FieldError]:
    scopes, hard = spec.get("scopes") or [], spec.get("hard") or {}
    at = "spec.scopes"
    errors: list[FieldError] = []
    for scope in scopes:
        if scope not in _SCOPES:
            errors.append(invalid_value(at, scopes, "unsupported scope"))
        text = "unsupported scope applied to resource"
        errors += [invalid_value(at, scopes, text) for _ in _uncountable(scope, hard)]
    return errors + [invalid_value(at, scopes, "conflicting scopes") for pair in _CONFLICTS if pair <= set(scopes)]


def _validate_requirement(requirement: Obj, spec: Obj, path: str) -> list[FieldError]:
    scope, operator = requirement.get("scopeName", ""), requirement.get("operator", "")
    values = requirement.get("values") or []
    errors: list[FieldError] = []
    if scope not in _SCOPES:
        errors.append(invalid_value(f"{path}.scopeName", scope, "unsupported scope"))
    for _ in _uncountable(scope, spec.get("hard") or {}):
        shown = go_value(spec["scopeSelector"], "ScopeSelector")
        errors.append(invalid_value(path, shown, "unsupported scope applied to resource"))
    if scope in _EXISTS_ONLY and operator != "Exists":
        errors.append(invalid_value(f"{path}.operator", operator, _EXISTS_TEXT))
    if operator in ("In", "NotIn"):
        if not values:
            text = "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector"
            errors.append(required(f"{path}.values", text))
    elif operator in ("Exists", "DoesNotExist"):
        if values:
            text = "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector"
            errors.append(invalid_value(f"{path}.values", values, text))
    else:
        errors.append(invalid_value(f"{path}.operator", operator, "not a valid selector operator"))
    return errors


def _validate_scope_selector(spec: Obj) -> list[FieldError]:
    selector = spec.get("scopeSelector")
    if selector is None:
        return []
    at, requirements = "spec.scopeSelector.matchExpressions", selector.get("matchExpressions") or []
    errors = [error for each in requirements for error in _validate_requirement(each, spec, at)]
    scopes = {each.get("scopeName") for each in requirements}
    shown = spec.get("scopes")
    return errors + [invalid_value(at, shown, "conflicting scopes") for pair in _CONFLICTS if pair <= scopes]


def _validate_amounts(amounts: Mapping[str, str] | None, path: str) -> list[FieldError]:
    errors: list[FieldError] = []
    for name, text in (amounts or {}).items():
        at = f"{path}[{name}]"
        errors += validate_quota_resource_name(name, at) + validate_quantity(name, text, at)
    return errors


def validate_resource_quota(quota: Obj) -> list[FieldError]:
    spec = quota.get("spec") or {}
    errors = _validate_amounts(spec.get("hard"), "spec.hard")
    return errors + _validate_scopes(spec) + _validate_scope_selector(spec)


def validate_resource_quota_update(new: Obj, old: Obj) -> list[FieldError]:
    errors = validate_resource_quota(new)
    wanted, before = (new.get("spec") or {}).get("scopes") or [], (old.get("spec") or {}).get("scopes") or []
    if set(wanted) != set(before):
        errors.append(invalid_value("spec.scopes", wanted or None, "field is immutable"))
    return errors


def validate_resource_quota_status_update(new: Obj, _old: Obj) -> list[FieldError]:
    status = new.get("status") or {}
    return _validate_amounts(status.get("hard"), "status.hard") + _validate_amounts(status.get("used"), "status.used")
