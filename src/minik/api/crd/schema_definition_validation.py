"""Validation of the OpenAPI schema in a definition: structure, list and map types, defaults and CEL rules.

Upstream: validateCustomResourceDefinitionOpenAPISchema of apiextensions-apiserver.
"""

from collections.abc import Iterator
from typing import Any

from minik.api.crd import go_form
from minik.api.crd.default_validation import validate_defaults
from minik.api.crd.rule_fields_validation import rule_errors
from minik.api.crd.structural_validation import validate_structural
from minik.api.types import Obj
from minik.api.validation import FieldError, forbidden, invalid_value, not_supported, required

_TYPES = ("array", "boolean", "integer", "number", "object", "string")
_NOT_SUPPORTED = ("id", "additionalItems", "patternProperties", "definitions", "dependencies", "$ref")
_NO_STRUCTURE = (
    ("id", "id"),
    ("$schema", "schema"),
    ("$ref", "$ref"),
    ("patternProperties", "patternProperties"),
    ("dependencies", "dependencies"),
    ("additionalItems", "additionalItems"),
    ("definitions", "definitions"),
)
_GIVEN = ("additionalItems", "dependencies", "$ref")  # refused even when there is nothing in them
_BELOW = ("items", "additionalProperties", "anyOf", "allOf", "oneOf", "not")
_AT_ROOT = (
    *("Description", "Type", "Format", "Title", "Maximum", "ExclusiveMaximum", "Minimum", "ExclusiveMinimum"),
    *("MaxLength", "MinLength", "Pattern", "MaxItems", "MinItems", "UniqueItems", "MultipleOf", "Required", "Items"),
    *("Properties", "ExternalDocs", "Example", "XPreserveUnknownFields", "XValidations"),
)


def validate_schema(schema: Obj | None, path: str, *, status: bool, fresh: bool = True) -> list[FieldError]:
    """`status`: the version has the status subresource, which leaves the root less freedom. What is not `fresh` has
    been accepted before.
    """
    if not schema:
        return []
    errors = _root_errors(schema, path) if status else []
    if not fresh:
        return errors
    if schema.get("nullable"):
        errors.append(forbidden(f"{path}.nullable", "nullable cannot be true at the root"))
    unusable = next(_unusable(schema), "")
    complaints = [] if unusable else validate_structural(schema, path) or validate_defaults(schema, path)
    errors += complaints
    walk = _Walk()
    walk.schema(schema, path, is_root=True)
    errors += walk.errors
    if not unusable and not complaints and walk.has_rules:
        from minik.api.crd.rule_definition_validation import compile_errors  # loads the CEL engine

        errors += compile_errors(schema, path, {error.field for error in walk.errors})
    if unusable and not errors:
        errors.append(invalid_value(path, "", unusable))
    return errors


def _root_errors(schema: Obj, path: str) -> list[FieldError]:
    """With a status subresource nothing at the root may be what the schema of status alone could not say."""
    for name, value in go_form.set_fields(schema):
        if name == "Type" and value != "object":
            text = 'only "object" is allowed as the type at the root of the schema if the status subresource is enabled'
            return [invalid_value(f"{path}.type", value, text)]
        if name not in _AT_ROOT:
            listed = f"[{' '.join(_AT_ROOT)}]"
            text = f"only {listed} fields are allowed at the root of the schema if the status subresource is enabled"
            return [invalid_value(path, go_form.schema(schema), text)]
    return []


def _unusable(schema: Any) -> Iterator[str]:
    """Why a schema cannot be taken for a structural one at all."""
    if isinstance(schema, list):
        for part in schema:
            yield from _unusable(part)
    if not isinstance(schema, dict):
        return
    for name, shown in _NO_STRUCTURE:
        if schema.get(name) or (name == "additionalItems" and schema.get(name) is not None):
            yield f"OpenAPIV3Schema '{shown}' is not supported"
    if isinstance(schema.get("items"), list):
        yield "OpenAPIV3Schema 'items' must be a schema, but is an array"
    if schema.get("x-kubernetes-preserve-unknown-fields") is False:
        yield "internal error: 'x-kubernetes-preserve-unknown-fields' must be true or undefined"
    yield from _unusable([*(schema.get("properties") or {}).values(), *(schema.get(name) for name in _BELOW)])


def has_defaults(schema: Any) -> bool:
    if isinstance(schema, list):
        return any(has_defaults(part) for part in schema)
    if not isinstance(schema, dict):
        return False
    if schema.get("default") is not None:
        return True
    return has_defaults([*(schema.get("properties") or {}).values(), *(schema.get(name) for name in _BELOW)])


class _Walk:
    """Collects what is wrong with each part of a schema."""

    def __init__(self) -> None:
        self.errors: list[FieldError] = []
        self.has_rules = False

    def schema(self, schema: Obj, path: str, *, is_root: bool = False, defaults: str = "", meta: bool = False) -> None:
        """`defaults`: why this part may have none. `meta`: it describes kind, version or metadata of an object."""
        self._standard(schema, path, defaults, meta)
        self._children(schema, path, is_root, defaults, meta)
        if schema.get("x-kubernetes-preserve-unknown-fields") is False:
            where = f"{path}.x-kubernetes-preserve-unknown-fields"
            self.errors.append(invalid_value(where, False, "must be true or undefined"))
        self._map_type(schema, path)
        self._list_type(schema, path)
        self._list_map(schema, path)
        self._set_or_map_items(schema, path)
        rules = schema.get("x-kubernetes-validations") or ()
        self.has_rules = self.has_rules or bool(rules)
        self.errors += rule_errors(rules, schema, path)

    def _standard(self, schema: Obj, path: str, defaults: str, meta: bool) -> None:
        kind = schema.get("type")
        if kind and kind not in _TYPES:
            self.errors.append(not_supported(f"{path}.type", kind, _TYPES))
        if schema.get("default") is not None and defaults:
            self.errors.append(forbidden(f"{path}.default", f"must not be set {defaults}"))
        for name in _NOT_SUPPORTED:
            if schema.get(name) or (name in _GIVEN and schema.get(name) is not None):
                self.errors.append(forbidden(f"{path}.{name}", f"{name} is not supported"))
        if kind == "null":
            text = "type cannot be set to null, use nullable as an alternative"
            self.errors.append(forbidden(f"{path}.type", text))
        if isinstance(schema.get("items"), list):
            text = "items must be a schema object and not an array"
            self.errors.append(forbidden(f"{path}.items", text))
        if meta and schema.get("x-kubernetes-embedded-resource"):
            text = "must not be used inside of resource meta"
            self.errors.append(forbidden(f"{path}.x-kubernetes-embedded-resource", text))
        if schema.get("uniqueItems"):
            text = "uniqueItems cannot be set to true since the runtime complexity becomes quadratic"
            self.errors.append(forbidden(f"{path}.uniqueItems", text))
        if schema.get("additionalProperties") not in (None, True) and schema.get("properties"):
            text = "additionalProperties and properties are mutual exclusive"
            self.errors.append(forbidden(f"{path}.additionalProperties", text))

    def _children(self, schema: Obj, path: str, is_root: bool, defaults: str, meta: bool) -> None:
        additional, properties = schema.get("additionalProperties"), schema.get("properties") or {}
        if isinstance(additional, dict):
            why = "inside additionalProperties applying to object metadata" if meta else defaults
            self.schema(additional, f"{path}.additionalProperties", defaults=why, meta=meta)
        whole = is_root or bool(schema.get("x-kubernetes-embedded-resource"))
        for name in sorted(properties):
            own = whole and name in ("metadata", "kind", "apiVersion")
            why = f"in top-level {name}" if own and is_root else defaults
            self.schema(properties[name], f"{path}.properties[{name}]", defaults=why, meta=meta or own)
        if isinstance(schema.get("not"), dict):
            self.schema(schema["not"], f"{path}.not", defaults=defaults, meta=meta)
        for key in ("allOf", "oneOf", "anyOf"):
            for index, part in enumerate(schema.get(key) or ()):
                self.schema(part, f"{path}.{key}[{index}]", defaults=defaults, meta=meta)
        for name in sorted(schema.get("definitions") or {}):
            self.schema(schema["definitions"][name], f"{path}.definitions[{name}]", defaults=defaults, meta=meta)
        items = schema.get("items")
        if isinstance(items, dict):
            self.schema(items, f"{path}.items", defaults=defaults, meta=meta)
        for index, part in enumerate(items if isinstance(items, list) else ()):
            self.schema(part, f"{path}.items[{index}]", defaults=defaults, meta=meta)

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
        else:
            shown = {"Schema": None, "JSONSchemas": [go_form.schema(part) for part in items]}
            text = "must only have a single schema if x-kubernetes-list-type is map"
            self.errors.append(invalid_value(f"{path}.items", shown, text))

    def _list_map_items(self, items: Obj, keys: list[str], path: str) -> None:
        where = f"{path}.x-kubernetes-list-map-keys"
        kind = items.get("type", "")
        if kind != "object":
            text = "must be object if parent array's x-kubernetes-list-type is map"
            self.errors.append(invalid_value(f"{path}.items.type", kind, text))
            return
        properties = items.get("properties") or {}
        for index, key in enumerate(keys):
            part = properties.get(key)
            if part is None:
                self.errors.append(invalid_value(where, keys, "entries must all be names of item properties"))
            elif part.get("type") in ("array", "object"):
                text = "must be a scalar type if parent array's x-kubernetes-list-type is map"
                self.errors.append(invalid_value(f"{path}.items.properties[{key}].type", kind, text))
            if key in keys[:index]:
                self.errors.append(invalid_value(where, keys, "must not contain duplicate entries"))

    def _set_or_map_items(self, schema: Obj, path: str) -> None:
        """Items of sets and maps are never null, and keys of maps are always there."""
        kind, items = schema.get("x-kubernetes-list-type"), schema.get("items")
        if kind not in ("set", "map") or not isinstance(items, dict):
            return
        if items.get("nullable"):
            text = f"cannot be nullable when x-kubernetes-list-type is {kind}"
            self.errors.append(forbidden(f"{path}.items.nullable", text))
        if kind == "set":
            return
        properties, needed = items.get("properties") or {}, items.get("required") or ()
        for key in schema.get("x-kubernetes-list-map-keys") or ():
            part, where = properties.get(key), f"{path}.items.properties[{key}]"
            why = "this property is in x-kubernetes-list-map-keys, so it"
            if part is not None and key not in needed and part.get("default") is None:
                self.errors.append(required(f"{where}.default", f"{why} must have a default or be a required property"))
            if part is not None and part.get("nullable"):
                self.errors.append(forbidden(f"{where}.nullable", f"{why} cannot be nullable"))
