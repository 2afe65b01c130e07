"""OpenAPI schemas of types, from the schema package's shapes and upstream's descriptions.

OpenAPI 3 and Swagger 2 differ in how they refer to a type and in what they can say beside a reference; `Dialect` holds
the difference. Form: kube-openapi, https://kubernetes.io/docs/concepts/overview/kubernetes-api/#openapi-v3
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from minik.api.openapi.descriptions import Descriptions
from minik.api.schema import types
from minik.api.schema.types import Field, Shape
from minik.api.types import Obj

_META = "io.k8s.apimachinery.pkg.apis.meta.v1."
_EXTENSIONS = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1."
DELETE_OPTIONS = _META + "DeleteOptions"
WATCH_EVENT = _META + "WatchEvent"
PATCH = _META + "Patch"
LEAVES: dict[str, tuple[str, Obj]] = {
    "quantity": ("io.k8s.apimachinery.pkg.api.resource.Quantity", {"oneOf": [{"type": "string"}, {"type": "number"}]}),
    "intstr": (
        "io.k8s.apimachinery.pkg.util.intstr.IntOrString",
        {"format": "int-or-string", "oneOf": [{"type": "integer"}, {"type": "string"}]},
    ),
    "time": (_META + "Time", {"format": "date-time", "type": "string"}),
    "microtime": (_META + "MicroTime", {"format": "date-time", "type": "string"}),
    "duration": (_META + "Duration", {"type": "string"}),
    "fields": (_META + "FieldsV1", {"type": "object"}),
    "patch": (PATCH, {"type": "object"}),
    "raw": ("io.k8s.apimachinery.pkg.runtime.RawExtension", {"type": "object"}),
    "json": (_EXTENSIONS + "JSON", {}),
    "schemaOrArray": (_EXTENSIONS + "JSONSchemaPropsOrArray", {}),
    "schemaOrBool": (_EXTENSIONS + "JSONSchemaPropsOrBool", {}),
    "schemaOrStringArray": (_EXTENSIONS + "JSONSchemaPropsOrStringArray", {}),
}
_LEAF_BY_NAME = dict(LEAVES.values())
_SCALARS: dict[str, Obj] = {
    "string": {"type": "string"},
    "bool": {"type": "boolean"},
    "int32": {"format": "int32", "type": "integer"},
    "int64": {"format": "int64", "type": "integer"},
    "double": {"format": "double", "type": "number"},
    "bytes": {"format": "byte", "type": "string"},
}
_V2_LEAVES: dict[str, Obj] = {
    LEAVES["quantity"][0]: {"type": "string"},
    LEAVES["intstr"][0]: {"format": "int-or-string", "type": "string"},
}


@dataclass(frozen=True, slots=True)
class Dialect:
    """`prefix` starts references; `wraps`: a reference with a description beside it needs allOf (OpenAPI 3)."""

    prefix: str
    wraps: bool

    def leaf(self, name: str) -> Obj | None:
        """The schema of a type that marshals itself."""
        found = _LEAF_BY_NAME.get(name)
        return found if self.wraps or found is None else _V2_LEAVES.get(name, found)


V3 = Dialect("#/components/schemas/", wraps=True)
V2 = Dialect("#/definitions/", wraps=False)
_TYPED = "io.k8s.apimachinery.pkg.apis.meta.v1.Status"  # any type with apiVersion and kind


class SchemaBuilder:
    """Collects the schemas of types and of everything they refer to. `kinds_everywhere` are the groups' versions
    whose DeleteOptions and WatchEvent are named in this document."""

    def __init__(self, dialect: Dialect, descriptions: Descriptions, groups: Iterable[tuple[str, str]]) -> None:
        self.dialect = dialect
        self._descriptions = descriptions
        self._groups = tuple(groups)
        self.schemas: dict[str, Obj] = {}
        self.type_texts = {name: descriptions.of_field(_TYPED, name) for name in ("apiVersion", "kind")}
        """What apiVersion and kind are for, which is the same in all types."""

    def add(self, name: str) -> Obj:
        """A reference to the type, whose schema is in `schemas` afterwards, as are those it needs."""
        pending = [name]
        while pending:
            current = pending.pop()
            if current not in self.schemas:
                self.schemas[current] = {}
                self.schemas[current], needed = self._schema(current)
                pending += needed
        return {"$ref": self.dialect.prefix + name}

    def _schema(self, name: str) -> tuple[Obj, list[str]]:
        leaf = self.dialect.leaf(name)
        if leaf is not None:
            text = self._descriptions.of_type(name)
            return {**({"description": text} if text else {}), **leaf}, []
        shape = types.get(name)
        needed: list[str] = []
        out: Obj = {}
        if text := self._descriptions.of_type(name):
            out["description"] = text
        if shape.fields:
            out["properties"] = {f.name: self._property(shape, f, needed) for f in _by_name(shape.fields)}
        if required := [f.name for f in shape.fields.values() if f.required]:
            out["required"] = required
        out["type"] = "object"
        if kinds := self._kinds(shape):
            out["x-kubernetes-group-version-kind"] = kinds
        if shape.map_type:
            out["x-kubernetes-map-type"] = shape.map_type
        if unions := self._descriptions.unions(name):
            out["x-kubernetes-unions"] = unions
        return out, needed

    def _kinds(self, shape: Shape) -> list[Obj]:
        if shape.name in (DELETE_OPTIONS, WATCH_EVENT):
            kinds = sorted({("", "v1"), *self._groups})
            return [{"group": group, "kind": shape.go_name, "version": version} for group, version in kinds]
        kind = shape.group_version_kind
        return [{"group": kind.group, "kind": kind.kind, "version": kind.version}] if kind else []

    def _property(self, shape: Shape, field: Field, needed: list[str]) -> Obj:
        target = _target(field, shape)
        if target is not None:
            needed.append(target)
            return self._reference(shape, field, target)
        out = self._inline(field, shape, needed)
        if field.default is not None:
            out["default"] = field.default
        if text := self._descriptions.of_field(shape.name, field.name):
            out["description"] = text
        return out | _list_extensions(field)

    def _reference(self, shape: Shape, field: Field, target: str) -> Obj:
        reference: Obj = {"$ref": self.dialect.prefix + target}
        text = self._descriptions.of_field(shape.name, field.name)
        extras: Obj = {}
        if field.default is not None and self.dialect.wraps:
            extras["default"] = field.default
        if text:
            extras["description"] = text
        if field.map_type and field.shape and field.map_type != field.shape.map_type:
            extras["x-kubernetes-map-type"] = field.map_type
        if field.patch_strategy:
            extras["x-kubernetes-patch-strategy"] = field.patch_strategy
        if not self.dialect.wraps:
            return reference | extras
        return {"allOf": [reference], **extras} if extras else reference

    def _inline(self, field: Field, shape: Shape, needed: list[str]) -> Obj:
        """A scalar, a list or a map; what they hold is a reference or again one of these."""
        if field.type in ("list", "map") and field.item:
            target = _target(field.item, shape)
            if target is None:
                held = self._inline(field.item, shape, needed)
            else:
                needed.append(target)
                held = {"$ref": self.dialect.prefix + target}
            if field.type == "list":
                return {"items": held, "type": "array"}
            return {"additionalProperties": held, "type": "object"}
        return dict(_SCALARS[field.type])


def _by_name(fields: Mapping[str, Field]) -> list[Field]:
    return sorted(fields.values(), key=lambda f: f.name)


def _target(field: Field, shape: Shape) -> str | None:
    """The type a field refers to, by name."""
    if field.type == "object":
        return field.type_name
    if field.union:
        return LEAVES[field.union][0]
    if field.type == "any":
        if field.name == "fieldsV1":
            return LEAVES["fields"][0]
        return LEAVES["json" if shape.name.startswith(_EXTENSIONS) else "raw"][0]
    return LEAVES[field.type][0] if field.type in LEAVES else None


def _list_extensions(field: Field) -> Obj:
    found: Obj = {}
    if field.map_keys:
        found["x-kubernetes-list-map-keys"] = list(field.map_keys)
    if field.list_type:
        found["x-kubernetes-list-type"] = field.list_type
    if field.map_type:
        found["x-kubernetes-map-type"] = field.map_type
    if field.patch_merge_key:
        found["x-kubernetes-patch-merge-key"] = field.patch_merge_key
    if field.patch_strategy:
        found["x-kubernetes-patch-strategy"] = field.patch_strategy
    return found
