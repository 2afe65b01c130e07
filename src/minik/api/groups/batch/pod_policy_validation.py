"""Validation of the policies of Jobs: when Pods' failures count, and when a Job has succeeded.

Rules: https://kubernetes.io/docs/concepts/workloads/controllers/job/#pod-failure-policy
"""

from itertools import pairwise

from minik.api import names
from minik.api.groups.batch.completion_indexes import IndexesError, count_indexes
from minik.api.number_validation import validate_not_negative
from minik.api.types import Obj
from minik.api.validation import (
    OMITTED,
    FieldError,
    duplicate,
    invalid_value,
    not_supported,
    required,
    show,
    too_long,
    too_many,
)

_ACTIONS = ("Count", "FailIndex", "FailJob", "Ignore")
_OPERATORS = ("In", "NotIn")
_STATUSES = ("False", "True", "Unknown")
_MAX_RULES, _MAX_PATTERNS, _MAX_EXIT_CODES = 20, 20, 255
_MAX_INDEXES_BYTES = 64 * 1024


def _choices(values: tuple[str, ...]) -> str:
    return f"valid values: [{' '.join(show(value) for value in values)}]"


def _validate_exit_codes(rule: Obj, containers: set[str], path: str) -> list[FieldError]:
    errors: list[FieldError] = []
    operator, container, values = rule.get("operator", ""), rule.get("containerName"), rule.get("values") or []
    if not operator:
        errors.append(required(f"{path}.operator", _choices(_OPERATORS)))
    elif operator not in _OPERATORS:
        errors.append(not_supported(f"{path}.operator", operator, _OPERATORS))
    if container is not None and container not in containers:
        text = "must be one of the container or initContainer names in the pod template"
        errors.append(invalid_value(f"{path}.containerName", container, text))
    at = f"{path}.values"
    if not values:
        errors.append(invalid_value(at, values or None, "at least one value is required"))
    elif len(values) > _MAX_EXIT_CODES:
        errors.append(too_many(at, len(values), _MAX_EXIT_CODES))
    for index, value in enumerate(values):
        if operator == "In" and value == 0:
            errors.append(invalid_value(f"{at}[{index}]", value, "must not be 0 for the In operator"))
        if value in values[:index]:
            errors.append(duplicate(f"{at}[{index}]", value))
    if any(one > other for one, other in pairwise(values)):
        errors.append(invalid_value(at, values, "must be ordered"))
    return errors


def _validate_conditions(patterns: list[Obj], path: str) -> list[FieldError]:
    errors: list[FieldError] = []
    if len(patterns) > _MAX_PATTERNS:
        errors.append(too_many(path, len(patterns), _MAX_PATTERNS))
    for index, pattern in enumerate(patterns):
        at, kind, status = f"{path}[{index}]", pattern.get("type", ""), pattern.get("status", "")
        errors += [invalid_value(f"{at}.type", kind, text) for text in names.qualified_name(kind)]
        if not status:
            errors.append(required(f"{at}.status", _choices(_STATUSES)))
        elif status not in _STATUSES:
            errors.append(not_supported(f"{at}.status", status, _STATUSES))
    return errors


def _validate_failure_rule(rule: Obj, spec: Obj, containers: set[str], path: str) -> list[FieldError]:
    action, codes, patterns = rule.get("action", ""), rule.get("onExitCodes"), rule.get("onPodConditions") or []
    errors: list[FieldError] = []
    if not action:
        errors.append(required(f"{path}.action", _choices(_ACTIONS)))
    elif action not in _ACTIONS:
        errors.append(not_supported(f"{path}.action", action, _ACTIONS))
    elif action == "FailIndex" and spec.get("backoffLimitPerIndex") is None:
        errors.append(invalid_value(f"{path}.action", action, "requires the backoffLimitPerIndex to be set"))
    if codes is not None:
        errors += _validate_exit_codes(codes, containers, f"{path}.onExitCodes")
    if patterns:
        errors += _validate_conditions(patterns, f"{path}.onPodConditions")
    if codes is not None and patterns:
        text = "specifying both OnExitCodes and OnPodConditions is not supported"
        errors.append(invalid_value(path, OMITTED, text))
    if codes is None and not patterns:
        text = "specifying one of OnExitCodes and OnPodConditions is required"
        errors.append(invalid_value(path, OMITTED, text))
    return errors


def validate_pod_failure_policy(spec: Obj, path: str) -> list[FieldError]:
    """Of the Job spec with spec.podFailurePolicy at `path`."""
    at, rules = f"{path}.rules", spec["podFailurePolicy"].get("rules") or []
    pod = (spec.get("template") or {}).get("spec") or {}
    containers = {each.get("name", "") for kind in ("containers", "initContainers") for each in pod.get(kind) or ()}
    errors = [too_many(at, len(rules), _MAX_RULES)] if len(rules) > _MAX_RULES else []
    for index, rule in enumerate(rules):
        errors += _validate_failure_rule(rule, spec, containers, f"{at}[{index}]")
    return errors


def _validate_success_rule(rule: Obj, completions: int, path: str) -> list[FieldError]:
    errors: list[FieldError] = []
    count, indexes = rule.get("succeededCount"), rule.get("succeededIndexes")
    if count is None and indexes is None:
        errors.append(required(path, "at least one of succeededCount or succeededIndexes must be specified"))
    total = 0
    if indexes is not None:
        at = f"{path}.succeededIndexes"
        if len(indexes.encode()) > _MAX_INDEXES_BYTES:
            errors.append(too_long(at, _MAX_INDEXES_BYTES))
        try:
            total = count_indexes(indexes, completions)
        except IndexesError as error:
            errors.append(invalid_value(at, indexes, f"error parsing succeededIndexes: {error}"))
    if count is None:
        return errors
    at = f"{path}.succeededCount"
    errors += validate_not_negative(count, at)
    if count > completions:
        text = f"must be less than or equal to {completions} (the number of specified completions)"
        errors.append(invalid_value(at, count, text))
    if indexes is not None and count > total:
        text = f"must be less than or equal to {total} (the number of indexes in the specified succeededIndexes field)"
        errors.append(invalid_value(at, count, text))
    return errors


def validate_success_policy(spec: Obj, path: str) -> list[FieldError]:
    """Of the Job spec with spec.successPolicy at `path`."""
    at, rules = f"{path}.rules", spec["successPolicy"].get("rules") or []
    if not rules:
        text = "at least one rules must be specified when the successPolicy is specified"
        return [required(at, text)]
    errors = [too_many(at, len(rules), _MAX_RULES)] if len(rules) > _MAX_RULES else []
    for index, rule in enumerate(rules):
        errors += _validate_success_rule(rule, spec.get("completions") or 0, f"{at}[{index}]")
    return errors
