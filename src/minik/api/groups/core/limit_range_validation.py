"""Validation of LimitRanges: bounds that agree with each other."""

from collections.abc import Mapping

from minik.api import names
from minik.api.groups.core.pod_level_resources import allows_overcommit
from minik.api.groups.core.resources_validation import validate_container_resource_name, validate_resource_name
from minik.api.quantity import NANO, Quantity, parse
from minik.api.types import Obj
from minik.api.validation import FieldError, duplicate, forbidden, invalid_value, required

_TYPES = ("Pod", "Container", "PersistentVolumeClaim")
_BOUNDS = ("max", "min", "default", "defaultRequest", "maxLimitRequestRatio")
# (bound, other bound, what is said when the first is above the second, path, value shown)
_ORDER = (
    ("min", "max", "min value {0} is greater than max value {1}", "min", 0),
    ("min", "defaultRequest", "min value {0} is greater than default request value {1}", "defaultRequest", 1),
    ("defaultRequest", "max", "default request value {0} is greater than max value {1}", "defaultRequest", 0),
    (
        "defaultRequest",
        "default",
        "default request value {0} is greater than default limit value {1}",
        "defaultRequest",
        0,
    ),
    ("min", "default", "min value {0} is greater than default value {1}", "default", 0),
    ("default", "max", "default value {0} is greater than max value {1}", "default", 1),
)


def _validate_type(kind: str, path: str) -> list[FieldError]:
    errors = [invalid_value(path, kind, text) for text in names.qualified_name(kind)]
    if not errors and "/" not in kind and kind not in _TYPES:
        errors.append(invalid_value(path, kind, "must be a standard limit type or fully qualified"))
    return errors


def _validate_ratio(ratio: Quantity, bounds: Mapping[str, Quantity], path: str) -> list[FieldError]:
    errors = [] if ratio.nanos >= NANO else [invalid_value(path, str(ratio), f"ratio {ratio} is less than 1")]
    if "min" in bounds and "max" in bounds and bounds["min"].nanos:
        limit = bounds["max"].milli / bounds["min"].milli
        if ratio.milli / 1000 > limit:
            text = f"ratio {ratio} is greater than max/min = {limit:f}"
            errors.append(invalid_value(path, str(ratio), text))
    return errors


def _validate_resource(name: str, item: Obj, path: str) -> list[FieldError]:
    """The bounds of one resource against each other."""
    bounds = {key: parse(item[key][name]) for key in _BOUNDS if name in (item.get(key) or ())}
    errors: list[FieldError] = []
    for low, high, text, where, shown in _ORDER:
        if low in bounds and high in bounds and bounds[high] < bounds[low]:
            pair = (str(bounds[low]), str(bounds[high]))
            errors.append(invalid_value(f"{path}.{where}[{name}]", pair[shown], text.format(*pair)))
    if "maxLimitRequestRatio" in bounds:
        at = f"{path}.maxLimitRequestRatio[{name}]"
        errors += _validate_ratio(bounds["maxLimitRequestRatio"], bounds, at)
    default, request = bounds.get("default"), bounds.get("defaultRequest")
    if default and request and default.nanos != request.nanos and not allows_overcommit(name):
        text = f"default value {default} must equal to defaultRequest value {request} in {name}"
        errors.append(invalid_value(f"{path}.defaultRequest[{name}]", str(request), text))
    return errors


def _validate_item(item: Obj, path: str) -> list[FieldError]:
    kind = item.get("type", "")
    rule = validate_container_resource_name if kind in ("Pod", "Container") else validate_resource_name
    errors: list[FieldError] = []
    found: dict[str, None] = {}
    for key in _BOUNDS:
        amounts = item.get(key) or {}
        if kind == "Pod" and key in ("default", "defaultRequest"):
            if amounts:
                errors.append(forbidden(f"{path}.{key}", "may not be specified when `type` is 'Pod'"))
            continue
        if key == "maxLimitRequestRatio" and kind == "PersistentVolumeClaim":
            errors += _validate_storage_bounds(item, path)
        for name in amounts:
            errors += rule(name, f"{path}.{key}[{name}]")
            found[name] = None
    shown = {key: value for key, value in item.items() if kind != "Pod" or not key.startswith("default")}
    for name in found:
        errors += _validate_resource(name, shown, path)
    return errors


def _validate_storage_bounds(item: Obj, path: str) -> list[FieldError]:
    if any("storage" in (item.get(key) or ()) for key in ("min", "max")):
        return []
    text = "either minimum or maximum storage value is required, but neither was provided"
    return [required(f"{path}.limits", text)]


def validate_limit_range(limit_range: Obj) -> list[FieldError]:
    errors: list[FieldError] = []
    seen: set[str] = set()
    for index, item in enumerate((limit_range.get("spec") or {}).get("limits") or ()):
        at, kind = f"spec.limits[{index}]", item.get("type", "")
        errors += _validate_type(kind, f"{at}.type")
        if kind in seen:
            errors.append(duplicate(f"{at}.type", kind))
        seen.add(kind)
        errors += _validate_item(item, at)
    return errors
