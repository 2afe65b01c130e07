"""Validation of the OpenAPI schema in a definition: structure, list and map types, defaults and CEL rules.

Upstream: validateCustomResourceDefinitionOpenAPISchema of apiextensions-apiserver.
"""

from typing import Any

from minik.api.crd.default_validation import validate_defaults
from minik.api.crd.rule_fields_validation import rule_errors
from minik.api.crd.structural_validation import validate_structural
from minik.api.types import Obj
from minik.api.validation import FieldError, forbidden, invalid_value, not_supported, required

_TYPES = ("array", "boolean", "integer", "number", "object", "string")
_NOT_SUPPORTED = ("id", "additionalItems", "patternProperties", "definitions", "dependencies", "$ref")


def validate_schema(schema: Obj | None, path: str, *, status: bool) -> list[FieldError]:
    """`status`: the version has the status subresource, which leaves the root less freedom."""
    if not schema:
        return []
    errors: list[FieldError] = []
    if status and schema.get("type") != "object":
        text = 'only "object" is allowed as the type at the root of the schema if the status subresource is enabled'
        errors.append(invalid_value(f"{path}.type", schema.get("type", ""), text))
    if schema.get("nullable"):
        errors.append(forbidden(f"{path}.nullable", "nullable cannot be true at the root"))
    structural = False
    if not _unsupported_anywhere(schema):
        complaints = validate_structural(schema, path) or validate_defaults(schema, path)
        errors += complaints
        structural = not complaints
    walk = _Walk()
    walk.schema(schema, path, is_root=True)
    errors += walk.errors
    if structural and walk.has_rules and not walk.errors:
        from minik.api.crd.rule_definition_validation import compile_errors  # loads the CEL engine

        errors += compile_errors(schema, path)
    return errors


def _unsupported_anywhere(schema: Any) -> bool:
    if isinstance(schema, list):
        return any(_unsupported_anywhere(part) for part in schema)
    if not isinstance(schema, dict):
        return False
    if any(schema.get(name) for name in _NOT_SUPPORTED) or schema.get("type") == "null":
        return True
    below = [*(schema.get("properties") or {}).values(), schema.get("items"), schema.get("additionalProperties")]
    below += [schema.get(name) for name in ("anyOf", "allOf", "oneOf", "not")]
    return any(_unsupported_anywhere(part) for part in below)


class _Walk:
    """Collects what is wrong with each part of a schema."""

    def __init__(self) -> None:
        self.errors: list[FieldError] = []
        self.has_rules = False

    def schema(self, schema: Obj, path: str, *, is_root: bool = False, defaults: str = "") -> None:
        """`defaults`: why this part may have none."""
        self._standard(schema, path, defaults)
        self._children(schema, path, is_root, defaults)
        if schema.get("x-kubernetes-preserve-unknown-fields") is False:
            where = f"{path}.x-kubernetes-preserve-unknown-fields"
            self.errors.append(invalid_value(where, False, "must be true or undefined"))
        self._map_type(schema, path)
        self._list_type(schema, path)
        self._list_map(schema, path)
        rules = schema.get("x-kubernetes-validations") or ()
        self.has_rules = self.has_rules or bool(rules)
        self.errors += rule_errors(rules, schema, path)

    def _standard(self, schema: Obj, path: str, defaults: str) -> None:
        kind = schema.get("type")
        if "default" in schema and defaults:
            self.errors.append(forbidden(f"{path}.default", f"must not be set {defaults}"))
        for name in _NOT_SUPPORTED:
            if schema.get(name):
                self.errors.append(forbidden(f"{path}.{name}", f"{name} is not supported"))
        if kind == "null":
            text = "type cannot be set to null, use nullable as an alternative"
            self.errors.append(forbidden(f"{path}.type", text))
        elif kind and kind not in _TYPES:
            self.errors.append(not_supported(f"{path}.type", kind, _TYPES))
        if isinstance(schema.get("items"), list):
            text = "items must be a schema object and not an array"
            self.errors.append(forbidden(f"{path}.items", text))
        if schema.get("uniqueItems"):
            text = "uniqueItems cannot be set to true since the runtime complexity becomes quadratic"
            self.errors.append(forbidden(f"{path}.uniqueItems", text))
        if schema.get("additionalProperties") is not None and schema.get("properties"):
            text = "additionalProperties and properties are mutual exclusive"
            self.errors.append(forbidden(f"{path}.additionalProperties", text))

    def _children(self, schema: Obj, path: str, is_root: bool, defaults: str) -> None:
        additional, properties = schema.get("additionalProperties"), schema.get("properties") or {}
        if isinstance(additional, dict):
            self.schema(additional, f"{path}.additionalProperties", defaults=defaults)
        whole = is_root or bool(schema.get("x-kubernetes-embedded-resource"))
        for name in sorted(properties):
            top = whole and name in ("metadata", "kind", "apiVersion")
            why = f"in top-level {name}" if top else defaults
            self.schema(properties[name], f"{path}.properties[{name}]", defaults=why)
        if isinstance(schema.get("not"), dict):
            self.schema(schema["not"], f"{path}.not", defaults="inside not")
        for key in ("allOf", "oneOf", "anyOf"):
            for index, part in enumerate(schema.get(key) or ()):
                self.schema(part, f"{path}.{key}[{index}]", defaults=f"inside {key}")
        if isinstance(schema.get("items"), dict):
            self.schema(schema["items"], f"{path}.items", defaults=defaults)

    def _map_type(self, schema: Obj, path: str) -> None:
        given = schema.get("x-kubernetes-map-type")
        if given is None:
            return
        self._needs_type(schema, "object", "x-kubernetes-map-type", path)
        if given not in ("atomic", "granular"):
            self.errors.append(not_supported(f"{path}.x-kubernetes-map-type", given, ("atomic", "granular")))

    def _needs_type(self, schema: Obj, wanted: str, because: str, path: str) -> bool:
        kind = schema.get("type", "")
        if kind == wanted:
            return False
        text = f"must be {wanted} if {because} is specified"
        self.errors.append(invalid_value(f"{path}.type", kind, text) if kind else required(f"{path}.type", text))
        return True

    def _list_type(self, schema: Obj, path: str) -> None:
        given, items = schema.get("x-kubernetes-list-type"), schema.get("items")
        if given is None:
            return
        wrong = self._needs_type(schema, "array", "x-kubernetes-list-type", path)
        text = "must be atomic as item of a list with x-kubernetes-list-type=set"
        if not wrong and given == "set" and isinstance(items, dict):
            if items.get("type") == "array" and items.get("x-kubernetes-list-type", "atomic") != "atomic":
                where = f"{path}.items.x-kubernetes-list-type"
                self.errors.append(invalid_value(where, items["x-kubernetes-list-type"], text))
            if items.get("type") == "object" and items.get("x-kubernetes-map-type") != "atomic":
                where = f"{path}.items.x-kubernetes-map-type"
                self.errors.append(invalid_value(where, items.get("x-kubernetes-list-type"), text))
        if given not in ("atomic", "set", "map"):
            where = f"{path}.x-kubernetes-list-type"
            self.errors.append(not_supported(where, given, ("atomic", "set", "map")))

    def _list_map(self, schema: Obj, path: str) -> None:
        kind, keys = schema.get("x-kubernetes-list-type"), schema.get("x-kubernetes-list-map-keys") or []
        where = f"{path}.x-kubernetes-list-map-keys"
        if keys and kind != "map":
            text = "must be map if x-kubernetes-list-map-keys is non-empty"
            at = f"{path}.x-kubernetes-list-type"
            self.errors.append(required(at, text) if kind is None else invalid_value(at, kind, text))
        if kind != "map":
            return
        if not keys:
            self.errors.append(required(where, "must not be empty if x-kubernetes-list-type is map"))
        items = schema.get("items")
        if items is None:
            self.errors.append(required(f"{path}.items", "must have a schema if x-kubernetes-list-type is map"))
        elif isinstance(items, dict):
            self._list_map_items(items, keys, path)

    def _list_map_items(self, items: Obj, keys: list[str], path: str) -> None:
        where = f"{path}.x-kubernetes-list-map-keys"
        kind = items.get("type", "")
        if kind != "object":
            text = "must be object if parent array's x-kubernetes-list-type is map"
            self.errors.append(invalid_value(f"{path}.items.type", kind, text))
            return
        properties, needed = items.get("properties") or {}, items.get("required") or ()
        for index, key in enumerate(keys):
            part = properties.get(key)
            if part is None:
                self.errors.append(invalid_value(where, keys, "entries must all be names of item properties"))
            elif part.get("type") in ("array", "object"):
                text = "must be a scalar type if parent array's x-kubernetes-list-type is map"
                self.errors.append(invalid_value(f"{path}.items.properties[{key}].type", kind, text))
            if key in keys[:index]:
                self.errors.append(invalid_value(where, keys, "must not contain duplicate entries"))
            if part is not None and part.get("nullable"):
                text = "this property is in x-kubernetes-list-map-keys, so it cannot be nullable"
                self.errors.append(forbidden(f"{path}.items.properties[{key}].nullable", text))
            if part is not None and key not in needed and "default" not in part:
                text = (
                    "this property is in x-kubernetes-list-map-keys, "
                    "so it must have a default or be a required property"
                )
                self.errors.append(required(f"{path}.items.properties[{key}].default", text))
