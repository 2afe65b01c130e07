"""Validation of the metrics an autoscaler follows, in autoscaling/v2's form."""

from collections.abc import Callable, Sequence
from enum import Enum

from minik.api import names
from minik.api.groups.core.resources_validation import validate_container_resource_name
from minik.api.quantity import parse
from minik.api.types import Obj
from minik.api.validation import FieldError, forbidden, invalid_value, not_supported, required

_TYPES = ("ContainerResource", "External", "Object", "Pods", "Resource")
_TARGET_TYPES = ("Utilization", "Value", "AverageValue")


class Group(Enum):
    """Whether an apiVersion must name a group, as all but the core group's do."""

    REQUIRED = "required"
    ANY = "any"


def _complaint_about_version(api_version: str, group: Group) -> str:
    if api_version.count("/") > 1:
        return f"unexpected GroupVersion string: {api_version}"
    named = api_version.rpartition("/")[0]
    return "apiVersion must specify API group" if group is Group.REQUIRED and not named else ""


def validate_reference(reference: Obj, path: str, group: Group) -> list[FieldError]:
    """A CrossVersionObjectReference."""
    errors: list[FieldError] = []
    for key in ("kind", "name"):
        value = reference.get(key, "")
        if not value:
            errors.append(required(f"{path}.{key}"))
        else:
            errors += [invalid_value(f"{path}.{key}", value, text) for text in names.path_segment(value)]
    api_version = reference.get("apiVersion", "")
    complaint = _complaint_about_version(api_version, group)
    return [*errors, invalid_value(f"{path}.apiVersion", api_version, complaint)] if complaint else errors


def _is_positive(quantity: str | None) -> bool:
    return quantity is not None and parse(quantity).nanos > 0


def _validate_target(target: Obj, path: str) -> list[FieldError]:
    kind, errors = target.get("type", ""), []
    if not kind:
        errors.append(required(f"{path}.type", "must specify a metric target type"))
    if kind not in _TARGET_TYPES:
        errors.append(invalid_value(f"{path}.type", kind, "must be either Utilization, Value, or AverageValue"))
    for key in ("value", "averageValue"):
        if target.get(key) is not None and not _is_positive(target[key]):
            errors.append(invalid_value(f"{path}.{key}", target[key], "must be positive"))
    utilization = target.get("averageUtilization")
    if utilization is not None and utilization < 1:
        errors.append(invalid_value(f"{path}.averageUtilization", utilization, "must be greater than 0"))
    return errors


def _validate_identifier(metric: Obj, path: str) -> list[FieldError]:
    name = metric.get("name", "")
    if not name:
        return [required(f"{path}.name", "must specify a metric name")]
    return [invalid_value(f"{path}.name", name, text) for text in names.path_segment(name)]


def _validate_named(source: Obj, path: str) -> list[FieldError]:
    errors = _validate_identifier(source.get("metric") or {}, f"{path}.metric")
    return errors + _validate_target(source.get("target") or {}, f"{path}.target")


def _validate_object(source: Obj, path: str) -> list[FieldError]:
    errors = validate_reference(source.get("describedObject") or {}, f"{path}.describedObject", Group.ANY)
    errors += _validate_named(source, path)
    target = source.get("target") or {}
    if target.get("value") is None and target.get("averageValue") is None:
        errors.append(required(f"{path}.target.averageValue", "must set either a target value or averageValue"))
    return errors


def _validate_external(source: Obj, path: str) -> list[FieldError]:
    errors = _validate_named(source, path)
    target = source.get("target") or {}
    has_value, has_average = target.get("value") is not None, target.get("averageValue") is not None
    if not has_value and not has_average:
        text = "must set either a target value for metric or a per-pod target"
        errors.append(required(f"{path}.target.averageValue", text))
    if has_value and has_average:
        text = "may not set both a target value for metric and a per-pod target"
        errors.append(forbidden(f"{path}.target.value", text))
    return errors


def _validate_pods(source: Obj, path: str) -> list[FieldError]:
    errors = _validate_named(source, path)
    if (source.get("target") or {}).get("averageValue") is None:
        errors.append(required(f"{path}.target.averageValue", "must specify a positive target averageValue"))
    return errors


def _validate_resource_target(target: Obj, path: str) -> list[FieldError]:
    errors = _validate_target(target, f"{path}.target")
    has_utilization, has_value = target.get("averageUtilization") is not None, target.get("averageValue") is not None
    if not has_utilization and not has_value:
        text = "must set either a target raw value or a target utilization"
        errors.append(required(f"{path}.target.averageUtilization", text))
    if has_utilization and has_value:
        text = "may not set both a target raw value and a target utilization"
        errors.append(forbidden(f"{path}.target.averageValue", text))
    return errors


def _validate_resource(source: Obj, path: str) -> list[FieldError]:
    errors = [] if source.get("name") else [required(f"{path}.name", "must specify a resource name")]
    return errors + _validate_resource_target(source.get("target") or {}, path)


def _validate_container_resource(source: Obj, path: str) -> list[FieldError]:
    name, container = source.get("name", ""), source.get("container", "")
    if name:
        errors = validate_container_resource_name(name, f"{path}.name")
    else:
        errors = [required(f"{path}.name", "must specify a resource name")]
    if container:
        errors += [invalid_value(f"{path}.container", container, text) for text in names.dns_label(container)]
    else:
        errors.append(required(f"{path}.container", "must specify a container"))
    return errors + _validate_resource_target(source.get("target") or {}, path)


_SOURCES: dict[str, Callable[[Obj, str], list[FieldError]]] = {
    "object": _validate_object,
    "external": _validate_external,
    "pods": _validate_pods,
    "resource": _validate_resource,
    "containerResource": _validate_container_resource,
}


def _validate_metric(metric: Obj, path: str) -> list[FieldError]:
    kind, errors = metric.get("type", ""), []
    if not kind:
        errors.append(required(f"{path}.type", "must specify a metric source type"))
    if kind not in _TYPES:
        errors.append(not_supported(f"{path}.type", kind, _TYPES))
    present = [key for key in _SOURCES if metric.get(key) is not None]
    if present:
        errors += _SOURCES[present[0]](metric[present[0]], f"{path}.{present[0]}")
    expected = kind[:1].lower() + kind[1:] if kind in _TYPES else ""
    if expected and expected not in present:
        text = "must populate information for the given metric source"
        errors.append(required(f"{path}.{expected}", text))
    if kind not in _TYPES:
        errors.append(not_supported(f"{path}.type", kind, _TYPES))
    if len(present) != 1:
        extra = sorted(key for key in present if key != expected)
        errors += [forbidden(f"{path}.{key}", "must populate the given metric source only") for key in extra]
    return errors


def validate_metrics(metrics: Sequence[Obj], path: str, min_replicas: int | None) -> list[FieldError]:
    errors: list[FieldError] = []
    for index, metric in enumerate(metrics):
        errors += _validate_metric(metric, f"{path}[{index}]")
    if min_replicas == 0 and not any(metric.get("type") in ("Object", "External") for metric in metrics):
        text = "must specify at least one Object or External metric to support scaling to zero replicas"
        errors.append(forbidden(path, text))
    return errors
