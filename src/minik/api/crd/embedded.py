"""x-kubernetes-embedded-resource: whole objects inside custom resources have a kind, a version and sound metadata.

Upstream: apiextensions-apiserver's structural schema package `objectmeta`.
"""

from typing import Any

from minik.api.object_meta import validate_object_meta
from minik.api.types import Obj
from minik.api.validation import FieldError, invalid_value, required


def validate(value: Any, schema: Obj | None, path: str = "") -> list[FieldError]:
    """Complaints about the objects embedded in a value."""
    if schema is None:
        return []
    errors: list[FieldError] = []
    if isinstance(value, list):
        items = schema.get("items")
        if isinstance(items, dict):
            for index, item in enumerate(value):
                errors += validate(item, items, f"{path}[{index}]")
    elif isinstance(value, dict):
        if schema.get("x-kubernetes-embedded-resource"):
            errors += _embedded(value, path)
        properties, additional = schema.get("properties") or {}, schema.get("additionalProperties")
        for name in sorted(value):
            part = properties.get(name, additional)
            if isinstance(part, dict):
                where = f"{path}.{name}" if name in properties else f"{path}[{name}]"
                errors += validate(value[name], part, where.removeprefix("."))
    return errors


def _embedded(value: Obj, path: str) -> list[FieldError]:
    errors: list[FieldError] = []
    api_version, kind = value.get("apiVersion"), value.get("kind")
    if not api_version:
        errors.append(required(f"{path}.apiVersion", ""))
    elif str(api_version).count("/") > 1:
        text = f"unexpected GroupVersion string: {api_version}"
        errors.append(invalid_value(f"{path}.apiVersion", api_version, text))
    if not kind:
        errors.append(required(f"{path}.kind", ""))
    metadata = value.get("metadata")
    if isinstance(metadata, dict) and metadata:
        namespaced = bool(metadata.get("namespace"))
        found = validate_object_meta({"name": "x", **metadata}, namespaced=namespaced, name_errors=_any_name)
        errors += [FieldError(e.reason, f"{path}.{e.field}", e.value, e.detail) for e in found]
    return errors


def _any_name(_name: str, _prefix: bool) -> list[str]:
    return []
