"""How values of a type merge: the schema's Shapes boiled down to what structured merging asks at every step.

A MergeType is a leaf (scalars, and everything atomic), a struct or map with granular fields, a list keyed by some
fields, a set of scalars, or free JSON, which is deduced from the value: objects granular, lists atomic.
Compiled once per Shape, lazily, because types are recursive.
Rules: https://kubernetes.io/docs/reference/using-api/server-side-apply/#merge-strategy
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Literal

from minik.api.schema.types import Field, Shape

Kind = Literal["leaf", "object", "keyed", "set", "any"]
Zero = dict[str, Any]

_SCALARS = {
    "string": "string",
    "bytes": "string",
    "duration": "string",
    "int32": "numeric",
    "int64": "numeric",
    "double": "numeric",
    "bool": "boolean",
}


class MergeType:
    """One type. `kind` decides which of the other attributes mean something.

    wants: what a value must be: string numeric boolean scalar list map or "" (anything). members: field name ->
    (path element, type) of a struct. element: the type of a map's values, of undeclared fields, or of list items.
    keys: the sorted key fields of a keyed list with their defaults (None: no default).
    """

    __slots__ = ("_members", "_shape", "element", "keys", "kind", "wants")

    def __init__(
        self,
        kind: Kind,
        wants: str = "",
        *,
        element: "MergeType | None" = None,
        keys: tuple[tuple[str, Any], ...] = (),
        shape: Shape | None = None,
    ) -> None:
        self.kind = kind
        self.wants = wants
        self.element = element
        self.keys = keys
        self._shape = shape
        self._members: dict[str, tuple[str, MergeType]] | None = None if shape else {}

    @property
    def members(self) -> Mapping[str, "tuple[str, MergeType]"]:
        if self._members is None:
            assert self._shape is not None
            self._members = _members_of(self._shape)
        return self._members

    def member(self, name: str) -> "tuple[str, MergeType]":
        """The path element and type of a field or map key. Undeclared fields are free JSON."""
        return self.members.get(name) or (f"f:{name}", self.element or ANY)


ANY = MergeType("any")
_LEAVES = {wants: MergeType("leaf", wants) for wants in ("string", "numeric", "boolean", "scalar", "list", "map", "")}


@lru_cache(maxsize=2048)
def of_shape(shape: Shape) -> MergeType:
    """The merge type of objects of a Shape."""
    if shape.map_type == "atomic":
        return MergeType("leaf", "map", shape=shape)
    return MergeType("object", "map", shape=shape, element=ANY if shape.preserve_unknown else None)


@lru_cache(maxsize=2048)
def zero(shape: Shape) -> Zero:
    """The object that Go writes for a type nobody has set anything in. Shared: do not change it."""
    empty: Zero = {}
    for field in shape.always:
        if field.type == "object" and not field.pointer and field.shape is not None:
            empty[field.name] = zero(field.shape)
        else:
            empty[field.name] = _ZEROS.get(field.type)
    return empty


_ZEROS = {"string": "", "int32": 0, "int64": 0, "double": 0, "bool": False, "quantity": "0", "intstr": 0}


def _members_of(shape: Shape) -> dict[str, tuple[str, MergeType]]:
    """Free JSON in a type of Kubernetes' own (RawExtension) is one field; in a custom resource it merges."""
    free = ANY if not shape.name.startswith("io.k8s.") else _LEAVES[""]
    return {name: (f"f:{name}", _of_field(field, free)) for name, field in shape.fields.items()}


def _of_field(field: Field, free: MergeType) -> MergeType:
    match field.type:
        case "object":
            return _of_object(field, free)
        case "map":
            value = _of_field(field.item, free) if field.item else free
            return MergeType("leaf" if field.map_type == "atomic" else "object", "map", element=value)
        case "list":
            return _of_list(field, free)
        case "any":
            return free
    return _LEAVES[_SCALARS.get(field.type, "scalar")]


def _of_object(field: Field, free: MergeType) -> MergeType:
    """A field's own map type comes before its type's."""
    if field.shape is None:
        return free
    if field.map_type == "granular":
        return MergeType("object", "map", shape=field.shape)
    return MergeType("leaf", "map", shape=field.shape) if field.map_type == "atomic" else of_shape(field.shape)


def _of_list(field: Field, free: MergeType) -> MergeType:
    item = _of_field(field.item, free) if field.item else free
    if field.list_type == "set":
        return MergeType("set", "list", element=item)
    if field.list_type == "map":
        return MergeType("keyed", "list", element=item, keys=_keys(field))
    return MergeType("leaf", "list", element=item)


def _keys(field: Field) -> tuple[tuple[str, Any], ...]:
    shape = field.item.shape if field.item else None
    declared = shape.fields if shape else {}
    return tuple((key, declared[key].default if key in declared else None) for key in sorted(field.map_keys))
