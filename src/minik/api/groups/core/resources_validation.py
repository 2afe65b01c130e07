"""Validation of resource names, quantities and requirements (limits and requests).

Rules: https://kubernetes.io/docs/concepts/configuration/manage-resources-containers/
"""

from collections.abc import Callable, Collection, Mapping, Sequence

from minik.api import names
from minik.api.groups.core.pod_level_resources import aggregate_containers, allows_overcommit, is_native, is_pod_level
from minik.api.quantity import Quantity, QuantityError, parse
from minik.api.types import Obj
from minik.api.validation import (
    NOT_FOUND,
    FieldError,
    duplicate,
    forbidden,
    invalid_value,
    not_supported,
    required,
)

HUGE_PAGES = "hugepages-"
NOT_NEGATIVE = "must be greater than or equal to 0"
POSITIVE = "must be greater than zero"
_COMPUTE = ("cpu", "memory", "ephemeral-storage")
_COUNTED = (
    "pods",
    "resourcequotas",
    "services",
    "replicationcontrollers",
    "secrets",
    "configmaps",
    "persistentvolumeclaims",
    "services.nodeports",
    "services.loadbalancers",
)
_QUOTA = frozenset(
    (*_COMPUTE, *(f"requests.{each}" for each in (*_COMPUTE, "storage")), *(f"limits.{each}" for each in _COMPUTE))
).union(_COUNTED)
_STANDARD = _QUOTA | {"storage"}

NameRule = Callable[[str, str], list[FieldError]]


def is_quota_name(name: str) -> bool:
    return name in _QUOTA or name.startswith((HUGE_PAGES, f"requests.{HUGE_PAGES}"))


def _is_extended(name: str) -> bool:
    return not is_native(name) and not name.startswith("requests.") and not names.qualified_name(f"requests.{name}")


def validate_resource_name(name: str, path: str) -> list[FieldError]:
    errors = [invalid_value(path, name, text) for text in names.qualified_name(name)]
    if not errors and "/" not in name and name not in _STANDARD and not is_quota_name(name):
        errors.append(invalid_value(path, name, "must be a standard resource type or fully qualified"))
    return errors


def validate_container_resource_name(name: str, path: str) -> list[FieldError]:
    errors = validate_resource_name(name, path)
    if "/" not in name:
        if name not in _COMPUTE and not name.startswith(HUGE_PAGES):
            errors.append(invalid_value(path, name, "must be a standard resource for containers"))
    elif not is_native(name) and not _is_extended(name):
        errors.append(invalid_value(path, name, "doesn't follow extended resource name standard"))
    return errors


def validate_pod_resource_name(name: str, path: str) -> list[FieldError]:
    errors = validate_resource_name(name, path)
    if not errors and not is_pod_level(name):
        errors.append(not_supported(path, name, ("cpu", HUGE_PAGES, "memory")))
    return errors


def validate_quota_resource_name(name: str, path: str) -> list[FieldError]:
    errors = validate_resource_name(name, path)
    if "/" not in name and not is_quota_name(name):
        errors.append(invalid_value(path, name, "must be a standard resource for quota"))
    return errors


def validate_quantity(name: str, text: str, path: str) -> list[FieldError]:
    """An amount of resource `name`: not negative, and whole where the resource is counted."""
    quantity = parse(text)
    errors = [invalid_value(path, text, NOT_NEGATIVE)] if quantity.nanos < 0 else []
    if (name in _COUNTED or _is_extended(name)) and quantity.milli % 1000:
        errors.append(invalid_value(path, text, "must be an integer"))
    return errors


def validate_positive(text: str, path: str) -> list[FieldError]:
    return [] if parse(text).nanos > 0 else [invalid_value(path, text, POSITIVE)]


def validate_basic(text: str, path: str) -> list[FieldError]:
    quantity = parse(text)
    return [invalid_value(path, quantity.value, "must be a valid resource quantity")] if quantity.nanos < 0 else []


def _validate_huge_pages(name: str, text: str, path: str) -> list[FieldError]:
    if not name.startswith(HUGE_PAGES):
        return []
    try:
        page = parse(name.removeprefix(HUGE_PAGES))
    except QuantityError:
        page = Quantity(0)
    value = parse(text).value
    if page.value > 0 and value >= 0 and value % page.value == 0:
        return []
    return [invalid_value(path, text, f"{text} is not positive integer multiple of {name}")]


def _validate_amount(name: str, text: str, path: str, rule: NameRule) -> list[FieldError]:
    return rule(name, path) + validate_quantity(name, text, path)


def _validate_request(name: str, text: str, limits: Mapping[str, str], path: str) -> list[FieldError]:
    limit = limits.get(name)
    if limit is None:
        if allows_overcommit(name):
            return []
        return [required(f"{path}.limits", "Limit must be set for non overcommitable resources")]
    wanted, most = parse(text).nanos, parse(limit).nanos
    if wanted != most and not allows_overcommit(name):
        return [invalid_value(f"{path}.requests", text, f"must be equal to {name} limit of {limit}")]
    if wanted > most:
        return [invalid_value(f"{path}.requests", text, f"must be less than or equal to {name} limit of {limit}")]
    return []


def validate_requirements(
    requirements: Obj,
    path: str,
    claim_names: Collection[str] = (),
    rule: NameRule = validate_container_resource_name,
) -> list[FieldError]:
    """`resources` of a container or, with another name rule, of a Pod."""
    limits: Mapping[str, str] = requirements.get("limits") or {}
    requests: Mapping[str, str] = requirements.get("requests") or {}
    errors: list[FieldError] = []
    for name, text in limits.items():
        at = f"{path}.limits[{name}]"
        errors += _validate_amount(name, text, at, rule) + _validate_huge_pages(name, text, at)
    for name, text in requests.items():
        at = f"{path}.requests[{name}]"
        errors += _validate_amount(name, text, at, rule) + _validate_request(name, text, limits, path)
        errors += _validate_huge_pages(name, text, at)
    given = {*limits, *requests}
    if any(name.startswith(HUGE_PAGES) for name in given) and not given & {"cpu", "memory"}:
        errors.append(forbidden(path, "HugePages require cpu or memory"))
    return errors + _validate_claims(requirements.get("claims") or (), claim_names, f"{path}.claims")


def _validate_claims(claims: Sequence[Obj], known: Collection[str], path: str) -> list[FieldError]:
    errors: list[FieldError] = []
    seen: set[str] = set()
    for index, claim in enumerate(claims):
        at, name, request = f"{path}[{index}]", claim.get("name", ""), claim.get("request", "")
        if not name:
            errors.append(required(at))
            continue
        key = f"{name}/{request}" if request else name
        if name in seen:
            errors.append(duplicate(at, name))
        else:
            if request:
                errors += [invalid_value(f"{at}.request", request, text) for text in names.dns_label(request)]
            if key in seen:
                errors.append(duplicate(at, key))
            elif not request:
                errors += [duplicate(at, name) for other in seen if other.partition("/")[0] == name]
            seen.add(key)
        if name not in known:
            listed = f": {', '.join(sorted(known))}" if known else " which is empty"
            text = f"must be one of the names in pod.spec.resourceClaims{listed}"
            errors.append(FieldError(NOT_FOUND, at, name, text))
    return errors


def validate_pod_level_resources(spec: Obj, claim_names: Collection[str], path: str) -> list[FieldError]:
    """`spec.resources`: valid in itself, and no less than what the containers ask for."""
    resources = spec.get("resources")
    if resources is None:
        return []
    if (spec.get("os") or {}).get("name") == "windows":
        return [forbidden(path, "may not be set for a windows pod")]
    errors: list[FieldError] = []
    if resources.get("claims") is not None:
        errors.append(forbidden(f"{path}.claims", "claims may not be set for Resources at pod-level"))
    errors += validate_requirements(resources, path, claim_names, validate_pod_resource_name)
    limits = resources.get("limits") or {}
    errors += _validate_aggregate(spec, "requests", resources.get("requests") or {}, f"{path}.requests")
    huge = {name: text for name, text in limits.items() if name.startswith(HUGE_PAGES)}
    errors += _validate_aggregate(spec, "limits", huge, f"{path}.limits")
    for index, container in enumerate(spec.get("containers") or ()):
        for name, limit in ((container.get("resources") or {}).get("limits") or {}).items():
            if name in limits and parse(limit).nanos > parse(limits[name]).nanos:
                at = f"{path}.containers[{index}][{name}].limits"
                errors.append(invalid_value(at, limit, f"must be less than or equal to pod limits of {limits[name]}"))
    return errors


def _validate_aggregate(spec: Obj, which: str, given: Mapping[str, str], path: str) -> list[FieldError]:
    """What is given for the pod suffices for all containers together."""
    return [
        invalid_value(
            f"{path}[{name}]",
            given[name],
            f"must be greater than or equal to aggregate container {which} of {needed}",
        )
        for name, needed in (aggregate_containers(spec, which) if given else {}).items()
        if name in given and needed.nanos > parse(given[name]).nanos
    ]
