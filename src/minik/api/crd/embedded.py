"""x-kubernetes-embedded-resource: whole objects inside custom resources have a kind, a version and sound metadata.

Upstream: apiextensions-apiserver's structural schema package `objectmeta`.
"""

from typing import Any

from minik.api import names
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
    errors = [required(f"{path}.{name}") for name in ("apiVersion", "kind") if name not in value]
    for name, complaint in (("apiVersion", _version_complaint), ("kind", _kind_complaint)):
        text = complaint(value[name]) if name in value else ""
        if text:
            errors.append(invalid_value(f"{path}.{name}", value[name], text))
    metadata = value.get("metadata")
    if isinstance(metadata, dict):
        namespaced = bool(metadata.get("namespace"))
        named = metadata if metadata.get("name") else {**metadata, "name": "x"}
        found = validate_object_meta(named, namespaced=namespaced, name_errors=names.path_segment_name)
        errors += [FieldError(e.reason, f"{path}.{e.field}", e.value, e.detail) for e in found]
    return errors


def _version_complaint(version: Any) -> str:
    if not isinstance(version, str):
        return "must be a string"
    if not version:
        return "must not be empty"
    return f"unexpected GroupVersion string: {version}" if version.count("/") > 1 else ""


def _kind_complaint(kind: Any) -> str:
    if not isinstance(kind, str):
        return "must be a string"
    if not kind:
        return "must not be empty"
    complaints = names.dns_1035_label(kind.lower())
    return f"may have mixed case, but should otherwise match: {','.join(complaints)}" if complaints else ""
