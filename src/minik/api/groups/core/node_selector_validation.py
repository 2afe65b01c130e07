"""Validation of node selectors: node affinity of Pods, node affinity of PersistentVolumes.

Rules: https://kubernetes.io/docs/concepts/scheduling-eviction/assign-pod-node/#node-affinity
"""

from collections.abc import Sequence

from minik.api import names
from minik.api.label_selector_validation import validate_label_name
from minik.api.types import Obj
from minik.api.validation import FieldError, forbidden, invalid_value, required


def _validate_values(operator: str, values: Sequence[str], path: str) -> list[FieldError]:
    if operator in ("In", "NotIn"):
        return [] if values else [required(f"{path}.values", "must be specified when `operator` is 'In' or 'NotIn'")]
    if operator in ("Exists", "DoesNotExist"):
        text = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"
        return [forbidden(f"{path}.values", text)] if values else []
    if operator in ("Gt", "Lt"):
        text = "must be specified single value when `operator` is 'Lt' or 'Gt'"
        return [] if len(values) == 1 else [required(f"{path}.values", text)]
    return [invalid_value(f"{path}.operator", operator, "not a valid selector operator")]


def _validate_expression(expression: Obj, path: str, *, check_values: bool) -> list[FieldError]:
    values = expression.get("values") or []
    errors = _validate_values(expression.get("operator", ""), values, path)
    errors += validate_label_name(expression.get("key", ""), f"{path}.key")
    if check_values:
        for index, value in enumerate(values):
            errors += [invalid_value(f"{path}.values[{index}]", value, text) for text in names.label_value(value)]
    return errors


def _validate_field(requirement: Obj, path: str) -> list[FieldError]:
    """Of a node's fields only its name can be selected."""
    operator, key, values = requirement.get("operator", ""), requirement.get("key", ""), requirement.get("values") or []
    errors: list[FieldError] = []
    if operator not in ("In", "NotIn"):
        errors.append(invalid_value(f"{path}.operator", operator, "not a valid selector operator"))
    elif len(values) != 1:
        text = "must be only one value when `operator` is 'In' or 'NotIn' for node field selector"
        errors.append(required(f"{path}.values", text))
    if key != "metadata.name":
        return [*errors, invalid_value(f"{path}.key", key, "not a valid field selector key")]
    for index, value in enumerate(values):
        errors += [invalid_value(f"{path}.values[{index}]", value, text) for text in names.dns_subdomain(value)]
    return errors


def validate_node_selector_term(term: Obj, path: str, *, check_values: bool = True) -> list[FieldError]:
    errors: list[FieldError] = []
    for index, expression in enumerate(term.get("matchExpressions") or ()):
        errors += _validate_expression(expression, f"{path}.matchExpressions[{index}]", check_values=check_values)
    for index, requirement in enumerate(term.get("matchFields") or ()):
        errors += _validate_field(requirement, f"{path}.matchFields[{index}]")
    return errors


def validate_node_selector(selector: Obj, path: str) -> list[FieldError]:
    terms = selector.get("nodeSelectorTerms") or []
    if not terms:
        return [required(f"{path}.nodeSelectorTerms", "must have at least one node selector term")]
    errors: list[FieldError] = []
    for index, term in enumerate(terms):
        errors += validate_node_selector_term(term, f"{path}.nodeSelectorTerms[{index}]")
    return errors
