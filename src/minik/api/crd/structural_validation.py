"""Whether a schema is structural: every value has one type, and only value checks are inside anyOf, allOf and so on.

https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#specifying-a-structural-schema
Upstream: apiextensions-apiserver's structural schema package. Complaints come sorted.
"""

from collections.abc import Iterator
from typing import Any

from minik.api.crd import go_form, go_regexp
from minik.api.types import Obj
from minik.api.validation import FieldError, forbidden, invalid_value, required

_ROOT, _ITEM, _FIELD = "root", "item", "field"
_TYPE_TEXTS = {
    _ROOT: "must not be empty at the root",
    _ITEM: "must not be empty for specified array items",
    _FIELD: "must not be empty for specified object fields",
}
_INT_OR_STRING = [{"type": "integer"}, {"type": "string"}]
_NESTED = (
    ("type", "must be empty to be structural"),
    ("additionalProperties", "must be undefined to be structural"),
    ("default", "must be undefined to be structural"),
    ("title", "must be empty to be structural"),
    ("description", "must be empty to be structural"),
    ("nullable", "must be false to be structural"),
    ("x-kubernetes-preserve-unknown-fields", "must be false to be structural"),
    ("x-kubernetes-embedded-resource", "must be false to be structural"),
    ("x-kubernetes-int-or-string", "must be false to be structural"),
    ("x-kubernetes-list-map-keys", "must be empty to be structural"),
    ("x-kubernetes-list-type", "must be undefined to be structural"),
    ("x-kubernetes-map-type", "must be undefined to be structural"),
    ("x-kubernetes-validations", "must be empty to be structural"),
)


def validate_structural(schema: Obj, path: str) -> list[FieldError]:
    return sorted([*_invariants(schema, _ROOT, path), *_completeness(schema, path)], key=str)


def _invariants(schema: Obj, level: str, path: str) -> Iterator[FieldError]:
    items, properties = schema.get("items"), schema.get("properties") or {}
    if isinstance(items, dict):
        yield from _invariants(items, _ITEM, f"{path}.items")
    elif schema.get("type") == "array":
        yield required(f"{path}.items", "must be specified")
    for name, part in properties.items():
        yield from _invariants(part, _FIELD, f"{path}.properties[{name}]")
    additional = schema.get("additionalProperties")
    if additional is not None:
        if level == _ROOT:
            yield forbidden(f"{path}.additionalProperties", "must not be used at the root")
        if isinstance(additional, dict):
            yield from _invariants(additional, _FIELD, f"{path}.additionalProperties")
    yield from _extensions(schema, path)
    yield from _value_validation(schema, level, path)
    yield from _type(schema, level, path)
    if level == _ROOT or schema.get("x-kubernetes-embedded-resource"):
        yield from _object_fields(properties, level, path)


def _extensions(schema: Obj, path: str) -> Iterator[FieldError]:
    if not schema.get("x-kubernetes-int-or-string"):
        return
    for name in ("x-kubernetes-preserve-unknown-fields", "x-kubernetes-embedded-resource"):
        if schema.get(name):
            yield invalid_value(f"{path}.{name}", True, "must be false if x-kubernetes-int-or-string is true")


def _type(schema: Obj, level: str, path: str) -> Iterator[FieldError]:
    kind, embedded = schema.get("type", ""), schema.get("x-kubernetes-embedded-resource")
    free = schema.get("x-kubernetes-preserve-unknown-fields")
    if embedded and kind != "object":
        text = "must be object if x-kubernetes-embedded-resource is true"
        yield invalid_value(f"{path}.type", kind, text) if kind else required(f"{path}.type", text)
    elif not kind and not free and not schema.get("x-kubernetes-int-or-string"):
        yield required(f"{path}.type", _TYPE_TEXTS[level])
    if embedded and schema.get("additionalProperties") is not None:
        text = "must not be used if x-kubernetes-embedded-resource is set"
        yield forbidden(f"{path}.additionalProperties", text)
    if embedded and not free and not schema.get("properties"):
        text = (
            "must not be empty if x-kubernetes-embedded-resource is true without x-kubernetes-preserve-unknown-fields"
        )
        yield required(f"{path}.properties", text)
    if level == _ROOT and kind and kind != "object":
        yield invalid_value(f"{path}.type", kind, "must be object at the root")


def _object_fields(properties: Obj, level: str, path: str) -> Iterator[FieldError]:
    """kind, apiVersion and metadata are what they are."""
    for name in ("kind", "apiVersion"):
        if name in properties and properties[name].get("type") != "string":
            where = f"{path}.properties[{name}].type"
            yield invalid_value(where, properties[name].get("type", ""), "must be string")
    metadata = properties.get("metadata")
    if metadata is None:
        return
    where = f"{path}.properties[metadata]"
    if metadata.get("type") != "object":
        yield invalid_value(f"{where}.type", metadata.get("type", ""), "must be object")
    rest = {name for name, _ in go_form.set_fields(metadata)} - {"Type", "Default"}
    if set(metadata.get("properties") or ()) <= {"name", "generateName"}:
        rest.discard("Properties")
    if level == _ROOT and rest:
        text = "must not specify anything other than name and generateName, but metadata is implicitly specified"
        yield forbidden(where, text)


def _value_validation(
    schema: Obj, level: str, path: str, *, skip_any_of: bool = False, nested: bool = False
) -> Iterator[FieldError]:
    skip_first = False
    if not nested:
        skip_any_of = schema.get("anyOf") == _INT_OR_STRING
        skip_first = (schema.get("allOf") or [{}])[0].get("anyOf") == _INT_OR_STRING
    if not skip_any_of:
        for index, part in enumerate(schema.get("anyOf") or ()):
            yield from _nested(part, level, f"{path}.anyOf[{index}]")
    for index, part in enumerate(schema.get("allOf") or ()):
        yield from _nested(part, level, f"{path}.allOf[{index}]", skip_any_of=skip_first and index == 0)
    for index, part in enumerate(schema.get("oneOf") or ()):
        yield from _nested(part, level, f"{path}.oneOf[{index}]")
    if schema.get("not") is not None:
        yield from _nested(schema["not"], level, f"{path}.not")
    pattern = schema.get("pattern")
    if pattern and (problem := go_regexp.complaint(pattern)):
        text = f"must be a valid regular expression, but isn't: {problem}"
        yield invalid_value(f"{path}.pattern", pattern, text)


def _nested(schema: Obj, level: str, path: str, *, skip_any_of: bool = False) -> Iterator[FieldError]:
    """What is inside anyOf and the like may only check values."""
    yield from _value_validation(schema, level, path, skip_any_of=skip_any_of, nested=True)
    if isinstance(schema.get("items"), dict):
        yield from _nested(schema["items"], _ITEM, f"{path}.items")
    for name, part in (schema.get("properties") or {}).items():
        yield from _nested(part, _FIELD, f"{path}.properties[{name}]")
    for name, text in _NESTED:
        if schema.get(name) or (text.startswith("must be undefined") and schema.get(name) not in (None, False)):
            yield forbidden(f"{path}.{name}", text)
    if "metadata" in (schema.get("properties") or {}):
        yield forbidden(f"{path}.properties[metadata]", "must not be specified in a nested context")


def _completeness(schema: Obj, path: str) -> Iterator[FieldError]:
    """Every field that is checked somewhere is declared where fields are declared. (As upstream, at the root.)"""
    for where, part in _parts(schema, path):
        yield from _declared(schema, part, path, where)


def _parts(schema: Obj, path: str) -> Iterator[tuple[str, Obj]]:
    for key in ("anyOf", "allOf", "oneOf"):
        for index, part in enumerate(schema.get(key) or ()):
            yield f"{path}.{key}[{index}]", part
    if schema.get("not") is not None:
        yield f"{path}.not", schema["not"]


def _declared(schema: Any, nested: Obj, path: str, where: str) -> Iterator[FieldError]:
    if isinstance(nested.get("items"), dict):
        if isinstance(schema.get("items"), dict):
            yield from _declared(schema["items"], nested["items"], f"{path}.items", f"{where}.items")
        else:
            yield required(f"{path}.items", f"because it is defined in {where}.items")
    known = schema.get("properties") or {}
    for name, part in (nested.get("properties") or {}).items():
        inner = f"{where}.properties[{name}]"
        if name in known:
            yield from _declared(known[name], part, f"{path}.properties[{name}]", inner)
        else:
            yield required(f"{path}.properties[{name}]", f"because it is defined in {inner}")
    for inner, part in _parts(nested, where):
        yield from _declared(schema, part, path, inner)
