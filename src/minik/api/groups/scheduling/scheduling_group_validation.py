"""Validation of PodGroups and Workloads: Pods that are scheduled together (KEP-4671)."""

from collections.abc import Sequence

from minik.api import names
from minik.api.go_form import go_struct
from minik.api.types import Obj
from minik.api.validation import FieldError, duplicate, invalid_value, not_supported, required, too_many

_MAX_TEMPLATES = 8
_MODES = ("Pod", "PodGroup")
_ONE_POLICY = "exactly one of `basic`, `gang` is required"


def _validate_policy(policy: Obj, path: str) -> list[FieldError]:
    given = [key for key in ("basic", "gang") if policy.get(key) is not None]
    if not given:
        return [required(path, f"must specify one of: `{'`, `'.join(('basic', 'gang'))}`")]
    if len(given) > 1:
        listed = ", ".join(f"`{key}`" for key in given)
        return [invalid_value(path, f"{{{listed}}}", f"{_ONE_POLICY}, but multiple fields are set")]
    if given == ["gang"] and policy["gang"].get("minCount", 0) <= 0:
        return [invalid_value(f"{path}.gang.minCount", policy["gang"].get("minCount", 0), "must be greater than zero")]
    return []


def _validate_group(group: Obj, path: str) -> list[FieldError]:
    """What PodGroups and templates of them share."""
    errors = _validate_policy(group.get("schedulingPolicy") or {}, f"{path}.schedulingPolicy")
    mode, class_name = group.get("disruptionMode"), group.get("priorityClassName", "")
    if mode and mode not in _MODES:
        errors.append(not_supported(f"{path}.disruptionMode", mode, _MODES))
    if class_name:
        errors += [
            invalid_value(f"{path}.priorityClassName", class_name, text) for text in names.dns_subdomain(class_name)
        ]
    constraints = (group.get("schedulingConstraints") or {}).get("topology") or ()
    for index, constraint in enumerate(constraints):
        at, key = f"{path}.schedulingConstraints.topology[{index}].key", constraint.get("key", "")
        errors += [invalid_value(at, key, text) for text in names.qualified_name(key)] if key else [required(at)]
    return errors


def validate_pod_group(group: Obj) -> list[FieldError]:
    return _validate_group(group["spec"], "spec")


def validate_pod_group_update(new: Obj, old: Obj) -> list[FieldError]:
    if new["spec"] == old["spec"]:
        return []
    shown = go_struct(new["spec"], "io.k8s.api.scheduling.v1alpha2.PodGroupSpec")
    return [invalid_value("spec", shown, "field is immutable")]


def _validate_templates(templates: Sequence[Obj], path: str) -> list[FieldError]:
    if not templates:
        return [required(path, "must have at least one item")]
    errors = [too_many(path, len(templates), _MAX_TEMPLATES)] if len(templates) > _MAX_TEMPLATES else []
    known: set[str] = set()
    for index, template in enumerate(templates):
        at, name = f"{path}[{index}]", template.get("name", "")
        if not name:
            errors.append(required(f"{at}.name"))
        else:
            errors += [invalid_value(f"{at}.name", name, text) for text in names.dns_label(name)]
        if name in known:
            errors.append(duplicate(at, name))
        known.add(name)
        errors += _validate_group(template, at)
    return errors


def validate_workload(workload: Obj) -> list[FieldError]:
    reference, errors = workload["spec"].get("controllerRef"), []
    for key in ("kind", "name") if reference is not None else ():
        value = (reference or {}).get(key, "")
        at = f"spec.controllerRef.{key}"
        errors += [invalid_value(at, value, text) for text in names.path_segment(value)] if value else [required(at)]
    return errors + _validate_templates(workload["spec"].get("podGroupTemplates") or (), "spec.podGroupTemplates")


def validate_workload_update(new: Obj, old: Obj) -> list[FieldError]:
    templates, before = (each["spec"].get("podGroupTemplates") for each in (new, old))
    errors = validate_workload(new)
    if templates != before:
        errors.append(invalid_value("spec.podGroupTemplates", templates, "field is immutable"))
    return errors
