"""Validation of what a claim asks for. Paths are v1's.

Rules: https://kubernetes.io/docs/concepts/scheduling-eviction/dynamic-resource-allocation/
"""

from collections.abc import Sequence
from functools import partial

from minik.api import names
from minik.api.groups.resource.device_names import (
    validate_attribute_name,
    validate_device_name,
    validate_list,
    validate_set,
)
from minik.api.groups.resource.device_validation import (
    MAX_CONFIGS,
    validate_configuration,
    validate_device_tolerations,
    validate_selectors,
)
from minik.api.types import Obj
from minik.api.validation import FieldError, invalid_value, not_supported, required

_MODES = ("All", "ExactCount")
_MAX_REQUESTS, _MAX_CONSTRAINTS, _MAX_ALTERNATIVES = 32, 32, 8
_ONE_KIND = "exactly one of `exactly` or `firstAvailable` is required"
_ONE_ATTRIBUTE = 'exactly one of "matchAttribute" or "distinctAttribute" is required, but multiple fields are set'
_UNKNOWN_REQUEST = (
    "must be the name of a request in the claim or the name of a request and a subrequest separated by '/'"
)


def _validate_amount(request: Obj, path: str) -> list[FieldError]:
    mode, count = request.get("allocationMode", ""), request.get("count", 0)
    if mode == "All":
        text = "must not be specified when allocationMode is 'All'"
        return [invalid_value(f"{path}.count", count, text)] if count else []
    if mode == "ExactCount":
        return [] if count > 0 else [invalid_value(f"{path}.count", count, "must be greater than zero")]
    return [not_supported(f"{path}.allocationMode", mode, _MODES)]


def _validate_exact(request: Obj, path: str) -> list[FieldError]:
    name, at = request.get("deviceClassName", ""), f"{path}.deviceClassName"
    errors = [invalid_value(at, name, text) for text in names.dns_subdomain(name)] if name else [required(at)]
    errors += validate_selectors(request.get("selectors") or (), f"{path}.selectors")
    errors += _validate_amount(request, path)
    return errors + validate_device_tolerations(request.get("tolerations") or (), f"{path}.tolerations")


def _validate_alternative(request: Obj, path: str) -> list[FieldError]:
    return validate_device_name(request.get("name", ""), f"{path}.name") + _validate_exact(request, path)


def _validate_request(request: Obj, path: str) -> list[FieldError]:
    errors = validate_device_name(request.get("name", ""), f"{path}.name")
    exactly, alternatives = request.get("exactly"), request.get("firstAvailable")
    if exactly is not None and alternatives:
        errors.append(invalid_value(path, None, f"{_ONE_KIND}, but multiple fields are set"))
    elif exactly is not None:
        errors += _validate_exact(exactly, f"{path}.exactly")
    elif alternatives:
        errors += validate_set(alternatives, _MAX_ALTERNATIVES, _validate_alternative, f"{path}.firstAvailable")
    else:
        errors.append(required(path, _ONE_KIND))
    return errors


def request_names(spec: Obj) -> frozenset[str]:
    """What may be referred to: requests, and alternatives within them."""
    found: set[str] = set()
    for request in (spec.get("devices") or {}).get("requests") or ():
        name = request.get("name", "")
        found.add(name)
        found |= {f"{name}/{each.get('name', '')}" for each in request.get("firstAvailable") or ()}
    return frozenset(found)


def validate_request_reference(name: str, path: str, *, known: frozenset[str]) -> list[FieldError]:
    parts = name.split("/")
    errors: list[FieldError] = []
    if len(parts) <= 2:
        errors = [error for part in parts for error in validate_device_name(part, path)]
    return errors if name in known else [*errors, invalid_value(path, name, _UNKNOWN_REQUEST)]


def validate_references(references: Sequence[str], known: frozenset[str], path: str) -> list[FieldError]:
    check = partial(validate_request_reference, known=known)
    return validate_set(references, _MAX_REQUESTS, check, path, key=str)


def _validate_constraint(constraint: Obj, path: str, *, known: frozenset[str]) -> list[FieldError]:
    errors = validate_references(constraint.get("requests") or (), known, f"{path}.requests")
    for key in ("matchAttribute", "distinctAttribute"):
        if constraint.get(key) is not None:
            return errors + validate_attribute_name(constraint[key], f"{path}.{key}")
    return [*errors, required(path, _ONE_ATTRIBUTE)]


def _validate_config(config: Obj, path: str, *, known: frozenset[str]) -> list[FieldError]:
    errors = validate_references(config.get("requests") or (), known, f"{path}.requests")
    return errors + validate_configuration(config, path)


def validate_claim_spec(spec: Obj, path: str) -> list[FieldError]:
    devices, at, known = spec.get("devices") or {}, f"{path}.devices", request_names(spec)
    requests, constraints, configs = (devices.get(key) or () for key in ("requests", "constraints", "config"))
    errors = validate_set(requests, _MAX_REQUESTS, _validate_request, f"{at}.requests")
    check = partial(_validate_constraint, known=known)
    errors += validate_list(constraints, _MAX_CONSTRAINTS, check, f"{at}.constraints")
    return errors + validate_list(configs, MAX_CONFIGS, partial(_validate_config, known=known), f"{at}.config")
