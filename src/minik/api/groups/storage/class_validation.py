"""Validation that StorageClass, VolumeAttributesClass and the CSI kinds share.

Rules: https://kubernetes.io/docs/concepts/storage/storage-classes/
"""

from collections.abc import Mapping, Sequence

from minik.api import names
from minik.api.label_selector_validation import validate_label_name
from minik.api.types import Obj
from minik.api.validation import FieldError, duplicate, invalid_value, required, too_long

_PARAMETERS_MAX, _PARAMETERS_BYTES = 512, 256 * 1024
_DRIVER_NAME_MAX = 63


def validate_provisioner(name: str, path: str) -> list[FieldError]:
    if not name:
        return [required(path)]
    lowered = name.lower()
    return [invalid_value(path, lowered, text) for text in names.qualified_name(lowered)]


def validate_driver_name(name: str, path: str) -> list[FieldError]:
    """The name of a CSI driver: a DNS subdomain of at most 63 characters, in any case."""
    if not name:
        return [required(path)]
    errors = [too_long(path, _DRIVER_NAME_MAX)] if len(name) > _DRIVER_NAME_MAX else []
    return errors + [invalid_value(path, name, text) for text in names.dns_subdomain(name.lower())]


def validate_parameters(parameters: Mapping[str, str] | None, path: str, *, needed: bool = False) -> list[FieldError]:
    errors: list[FieldError] = []
    if not parameters:
        return [required(path, "must contain at least one key/value pair")] if needed else []
    if len(parameters) > _PARAMETERS_MAX:
        return [too_long(path, _PARAMETERS_MAX)]
    errors += [invalid_value(path, key, "field can not be empty.") for key in parameters if not key]
    if sum(len(key.encode()) + len(value.encode()) for key, value in parameters.items()) > _PARAMETERS_BYTES:
        errors.append(too_long(path, _PARAMETERS_BYTES))
    return errors


def _validate_term(term: Obj, path: str) -> list[FieldError]:
    errors: list[FieldError] = []
    keys: set[str] = set()
    for index, requirement in enumerate(term.get("matchLabelExpressions") or ()):
        at, key = f"{path}.matchLabelExpressions[{index}]", requirement.get("key", "")
        values = requirement.get("values") or []
        if not values:
            errors.append(required(f"{at}.values"))
        errors += [duplicate(f"{at}.values[{i}]", value) for i, value in enumerate(values) if value in values[:i]]
        errors += validate_label_name(key, f"{at}.key")
        if key in keys:
            errors.append(duplicate(f"{at}.key", key))
        keys.add(key)
    return errors


def validate_topologies(terms: Sequence[Obj], path: str) -> list[FieldError]:
    """Topology selector terms, no two of which say the same; one that says nothing repeats as many as there are."""
    errors: list[FieldError] = []
    seen: list[dict[str, set[str]]] = [{} for _ in terms]
    for index, term in enumerate(terms):
        errors += _validate_term(term, f"{path}[{index}]")
        meaning = {
            each.get("key", ""): set(each.get("values") or ()) for each in term.get("matchLabelExpressions") or ()
        }
        errors += [duplicate(f"{path}[{index}].matchLabelExpressions", "") for each in seen if each == meaning]
        seen.append(meaning)
    return errors
