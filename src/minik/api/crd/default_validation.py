"""Defaults in a schema must themselves be what the schema demands, and survive pruning.

Upstream: apiextensions-apiserver's structural schema package `defaulting`.
"""

import copy
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from minik.api.crd import embedded, schema_validation
from minik.api.crd.schema_validation import NOWHERE
from minik.api.schema import custom_objects
from minik.api.schema.values import BadValue, TypeMismatch
from minik.api.types import Obj
from minik.api.validation import FieldError, invalid_value

_TYPE_META = ("metadata", "apiVersion", "kind")


def validate_defaults(schema: Obj, path: str) -> list[FieldError]:
    return list(_walk(schema, path, within_meta=False, is_root=True))


def _walk(schema: Obj, path: str, *, within_meta: bool, is_root: bool = False) -> Iterator[FieldError]:
    """Not into additionalProperties: what is in there has no defaults that upstream looks at."""
    whole = is_root or bool(schema.get("x-kubernetes-embedded-resource"))
    within_meta = within_meta and not whole
    if schema.get("default") is not None:
        yield from _default(schema["default"], schema, f"{path}.default", within_meta=within_meta)
    if isinstance(schema.get("items"), dict):
        yield from _walk(schema["items"], f"{path}.items", within_meta=within_meta)
    for name in sorted(schema.get("properties") or {}):
        meta = within_meta or (whole and name in _TYPE_META)
        yield from _walk(schema["properties"][name], f"{path}.properties[{name}]", within_meta=meta)


def _default(value: Any, schema: Obj, path: str, *, within_meta: bool) -> Iterator[FieldError]:
    if not within_meta:
        pruned = copy.deepcopy(value)
        try:
            unknown = list(custom_objects.prune_value(pruned, schema))
        except (TypeMismatch, BadValue) as error:
            yield invalid_value(f"{path}.metadata", custom_objects.as_written(value.get("metadata")), str(error))
            return
        if unknown:
            yield invalid_value(path, custom_objects.as_written(value), "must not have unknown fields")
    errors = embedded.validate(value, schema, path) if not within_meta else []
    if not errors:
        found = schema_validation.validate(value, schema)
        errors = [replace(e, field=path if e.field == NOWHERE else f"{path}.{e.field}") for e in found]
    if not errors and _has_rules(schema):
        from minik.api.crd import rules  # the CEL engine is only loaded for schemas with rules

        errors = rules.validate_part(schema, value, path)
    yield from errors


def _has_rules(schema: Obj) -> bool:
    if schema.get("x-kubernetes-validations"):
        return True
    below = [*(schema.get("properties") or {}).values(), schema.get("items"), schema.get("additionalProperties")]
    return any(_has_rules(part) for part in below if isinstance(part, dict))
