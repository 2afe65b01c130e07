"""Validation of what claims, classes and slices say of devices: selectors, configurations, taints. Paths are v1's.

Rules: https://kubernetes.io/docs/concepts/scheduling-eviction/dynamic-resource-allocation/
"""

from collections.abc import Sequence
from typing import Any

import orjson

from minik.api import names
from minik.api.groups.resource.device_names import validate_driver, validate_list
from minik.api.types import Obj
from minik.api.validation import FieldError, invalid_value, not_supported, required, too_long

MAX_CONFIGS = 32
_MAX_SELECTORS, _MAX_EXPRESSION, _MAX_PARAMETERS = 32, 10 * 1024, 10 * 1024
_OPERATORS = ("Equal", "Exists")
_EFFECTS = ("NoExecute", "NoSchedule", "None")

# What `device` is in a selector: KEP-4381. Attributes and capacities are maps by domain, then by name.
_BY_DOMAIN = {
    "type": "object",
    "additionalProperties": {"type": "object", "additionalProperties": {"x-kubernetes-int-or-string": True}},
}
_DEVICE = {
    "type": "object",
    "properties": {
        "driver": {"type": "string"},
        "attributes": _BY_DOMAIN,
        "capacity": _BY_DOMAIN,
        "allowMultipleAllocations": {"type": "boolean"},
    },
}


def _validate_selector(selector: Obj, path: str) -> list[FieldError]:
    cel = selector.get("cel")
    if cel is None:
        return [required(f"{path}.cel")]
    expression, at = cel.get("expression", ""), f"{path}.cel.expression"
    if len(expression.encode()) > _MAX_EXPRESSION:
        return [too_long(at, _MAX_EXPRESSION)]
    problem = _expression_problem(expression)
    return [invalid_value(at, expression, problem)] if problem else []


def validate_selectors(selectors: Sequence[Obj], path: str) -> list[FieldError]:
    return validate_list(selectors, _MAX_SELECTORS, _validate_selector, path)


def _expression_problem(expression: str) -> str:
    """What is wrong with a selector's expression, or "". The engine is loaded for the first one."""
    from minik.api.cel import engine
    from minik.api.cel.declarations import Declarations

    declarations = Declarations()
    device = declarations.type_of(_DEVICE)
    try:
        result = engine.check(expression, engine.Types({"device": device}, declarations.pool())).result
    except engine.CelError as error:
        return f"compilation failed: {error}"
    return "" if result in ("BOOL", "DYN") else "must evaluate to bool or the unknown type, not " + result.lower()


def validate_parameters(parameters: Any, path: str) -> list[FieldError]:
    """Free-form JSON for a driver: an object of at most 10 KiB."""
    if parameters is None:
        return [required(path)]
    if len(orjson.dumps(parameters)) > _MAX_PARAMETERS:
        return [too_long(path, _MAX_PARAMETERS)]
    if not isinstance(parameters, dict):
        return [invalid_value(path, "<value omitted>", "must be a valid JSON object")]
    return []


def validate_configuration(config: Obj, path: str) -> list[FieldError]:
    """Of a claim or a class: parameters that a driver reads."""
    opaque = config.get("opaque")
    if opaque is None:
        return [required(f"{path}.opaque")]
    errors = validate_driver(opaque.get("driver", ""), f"{path}.opaque.driver")
    return errors + validate_parameters(opaque.get("parameters"), f"{path}.opaque.parameters")


def validate_device_taint(taint: Obj, path: str) -> list[FieldError]:
    key, value, effect = (taint.get(name, "") for name in ("key", "value", "effect"))
    errors = [invalid_value(f"{path}.key", key, text) for text in names.qualified_name(key)]
    errors += [invalid_value(f"{path}.value", value, text) for text in names.label_value(value)]
    if not effect:
        errors.append(required(f"{path}.effect"))
    elif effect not in _EFFECTS:
        errors.append(not_supported(f"{path}.effect", effect, _EFFECTS))
    return errors


def validate_device_toleration(toleration: Obj, path: str) -> list[FieldError]:
    key, operator, value, effect = (toleration.get(name, "") for name in ("key", "operator", "value", "effect"))
    errors = [invalid_value(f"{path}.key", key, text) for text in names.qualified_name(key)] if key else []
    if operator == "Exists":
        if value:
            errors.append(invalid_value(f"{path}.value", value, "must be empty for operator `Exists`"))
    elif operator == "Equal":
        errors += [invalid_value(f"{path}.value", value, text) for text in names.label_value(value)]
    elif operator:
        errors.append(not_supported(f"{path}.operator", operator, _OPERATORS))
    else:
        errors.append(required(f"{path}.operator"))
    if effect and effect not in _EFFECTS:
        errors.append(not_supported(f"{path}.effect", effect, _EFFECTS))
    return errors


def validate_device_tolerations(tolerations: Sequence[Obj], path: str) -> list[FieldError]:
    return [
        error
        for index, toleration in enumerate(tolerations)
        for error in validate_device_toleration(toleration, f"{path}[{index}]")
    ]


def validate_class_spec(spec: Obj, old: Obj | None = None) -> list[FieldError]:
    """What was stored before is not looked at again."""
    errors: list[FieldError] = []
    if old is None or spec.get("selectors") != old.get("selectors"):
        errors += validate_selectors(spec.get("selectors") or (), "spec.selectors")
    errors += validate_list(spec.get("config") or (), MAX_CONFIGS, validate_configuration, "spec.config")
    name = spec.get("extendedResourceName")
    if name is not None and not is_extended_resource(name):
        errors.append(invalid_value("spec.extendedResourceName", name, "must be a valid extended resource name"))
    return errors


def is_extended_resource(name: str) -> bool:
    """Is it a name that a node may advertise a resource of a vendor under?"""
    if "/" not in name or "kubernetes.io/" in name or name.startswith("requests."):
        return False
    return not names.qualified_name(f"requests.{name}")
