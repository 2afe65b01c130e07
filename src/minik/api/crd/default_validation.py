"""Defaults in a schema must themselves be what the schema demands, and survive pruning.

Upstream: apiextensions-apiserver's structural schema package `defaulting`.
"""

import copy
from collections.abc import Iterator
from typing import Any

from minik.api.crd import embedded, schema_validation
from minik.api.schema import custom_objects
from minik.api.types import Obj
from minik.api.validation import FieldError, invalid_value


def validate_defaults(schema: Obj, path: str) -> list[FieldError]:
    return list(_walk(schema, path, is_root=True))


def _walk(schema: Obj, path: str, *, is_root: bool = False) -> Iterator[FieldError]:
    if "default" in schema:
        yield from _default(schema["default"], schema, f"{path}.default")
        return  # what is inside has been defaulted with it
    if isinstance(schema.get("items"), dict):
        yield from _walk(schema["items"], f"{path}.items")
    metadata = is_root or bool(schema.get("x-kubernetes-embedded-resource"))
    for name in sorted(schema.get("properties") or {}):
        if not (metadata and name == "metadata"):
            yield from _walk(schema["properties"][name], f"{path}.properties[{name}]")
    if isinstance(schema.get("additionalProperties"), dict):
        yield from _walk(schema["additionalProperties"], f"{path}.additionalProperties")


def _default(value: Any, schema: Obj, path: str) -> Iterator[FieldError]:
    filled = copy.deepcopy(value)
    wrapper: Obj = {"type": "object", "properties": {"default": schema}}
    unknown = list(custom_objects.prune({"default": copy.deepcopy(value)}, wrapper))
    if unknown:
        yield invalid_value(path, value, "must not have unknown fields")
        return
    custom_objects.set_defaults(filled, schema)
    errors = schema_validation.validate(filled, schema, path="x")
    errors += embedded.validate(filled, schema, "x")
    for error in errors:
        where = path + error.field.removeprefix("x") if error.field.startswith("x") else path
        detail = error.detail.replace("x in body", f"{where} in body", 1)
        yield FieldError(error.reason, where, error.value, detail)
