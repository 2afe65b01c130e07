"""Shapes of custom resources, from the structural schema in their CustomResourceDefinition.

Patches and server-side apply need no more than this of a schema: which lists are maps by key, what is atomic, which
keys have defaults. https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/
"""

from collections.abc import Iterator, Mapping
from typing import Any

from minik.api.schema.types import Field, GroupVersionKind, Shape
from minik.api.types import Obj

_OBJECT_META = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"
_NUMBERS = {"integer": "int64", "number": "double", "boolean": "bool", "string": "string"}
_ANY = Field("", "any")
_TYPE_META = {
    "apiVersion": Field("apiVersion", "string"),
    "kind": Field("kind", "string"),
    "metadata": Field("metadata", "object", type_name=_OBJECT_META),
}


def shape(schema: Obj | None, kind: GroupVersionKind) -> Shape:
    """The shape of a kind's objects. Without a schema every field is free."""
    fields = _properties(schema or {}, is_root=True)
    name = ".".join([*reversed(kind.group.split(".")), kind.version, kind.kind])
    free = schema is None or bool(schema.get("x-kubernetes-preserve-unknown-fields"))
    return Shape(
        name=name,
        fields=fields,
        group_version_kind=kind,
        preserve_unknown=free,
        custom=True,
        structural_schema=schema,
    )


class _Fields(Mapping[str, Field]):
    """Fields that are made when they are asked for: definitions have thousands, of which objects use few."""

    __slots__ = ("_made", "_names", "_properties", "_required")

    def __init__(self, schema: Obj, *, is_root: bool) -> None:
        self._properties: Obj = schema.get("properties") or {}
        self._required = schema.get("required") or ()
        self._made: dict[str, Field] = dict(_TYPE_META) if is_root else {}
        self._names = dict.fromkeys([*self._properties, *self._made])

    def __getitem__(self, name: str) -> Field:
        found = self._made.get(name)
        if found is None:
            found = self._made[name] = field(name, self._properties[name], required=name in self._required)
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


def _properties(schema: Obj, *, is_root: bool) -> Mapping[str, Field]:
    return _Fields(schema, is_root=is_root)


def field(name: str, schema: Obj, *, required: bool = False) -> Field:
    """One property, list item or map value. `name` is empty for the latter two."""
    return Field(
        name,
        **_type(name, schema),
        required=required,
        pointer=bool(schema.get("nullable")),
        list_type=schema.get("x-kubernetes-list-type"),
        map_keys=tuple(schema.get("x-kubernetes-list-map-keys") or ()),
        map_type=schema.get("x-kubernetes-map-type"),
        default=schema.get("default"),
    )


def _type(name: str, schema: Obj) -> dict[str, Any]:
    if schema.get("x-kubernetes-int-or-string"):
        return {"type": "intstr"}
    kind = schema.get("type")
    if kind == "array":
        items = schema.get("items")
        return {"type": "list", "item": field("", items) if isinstance(items, dict) else _ANY}
    if kind == "object":
        return _object(name, schema)
    if kind == "integer" and schema.get("format") == "int32":
        return {"type": "int32"}
    return {"type": _NUMBERS.get(str(kind), "any")}


def _object(name: str, schema: Obj) -> dict[str, Any]:
    """An object with properties is a type of its own, one with additionalProperties a map, any other free JSON."""
    embedded = bool(schema.get("x-kubernetes-embedded-resource"))
    free = bool(schema.get("x-kubernetes-preserve-unknown-fields"))
    if schema.get("properties") or embedded:
        inner = Shape(
            name=name or "item",
            fields=_properties(schema, is_root=embedded),
            map_type=schema.get("x-kubernetes-map-type"),
            preserve_unknown=free,
        )
        return {"type": "object", "_shape": inner}
    additional = schema.get("additionalProperties")
    if additional is not None:
        return {"type": "map", "item": field("", additional) if isinstance(additional, dict) else _ANY}
    if free:
        return {"type": "any"}
    return {"type": "object", "_shape": Shape(name=name or "item", fields={})}
