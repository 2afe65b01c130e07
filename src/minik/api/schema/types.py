"""The shapes of API types: which fields a type has and how lists and maps in it merge.

`get("io.k8s.api.core.v1.Pod")` compiles a type on first use from `types.jsonl`, the project's own form of the published
OpenAPI documents (written by tools/build_schema.py). The file stays one block of bytes: a type is found in it by name,
so an unused type costs nothing. Structural schemas of CustomResourceDefinitions become Shapes too (see structural.py).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import Any, NamedTuple

import orjson

from minik.api.types import Obj


class GroupVersionKind(NamedTuple):
    group: str
    version: str
    kind: str


@dataclass(frozen=True, slots=True, eq=False)
class Field:
    """One field of a type, or what a list or a map holds (then `name` is empty).

    `type` is one of string int32 int64 double bool bytes quantity intstr time microtime duration object map list any.
    `any` is free JSON, except where `union` names one of apiextensions' schema-or-something types.
    `pointer`: Go holds a pointer, so an explicit zero is kept; `always`: written even when it was never set.
    `proto` is the field number; a tuple leads through structs that Go embeds. `go_name`: the Go type, if it is named.
    """

    name: str
    type: str
    item: "Field | None" = None
    required: bool = False
    pointer: bool = False
    always: bool = False
    list_type: str | None = None
    map_keys: tuple[str, ...] = ()
    map_type: str | None = None
    patch_strategy: str = ""
    patch_merge_key: str = ""
    default: Any = None
    proto: int | tuple[int, ...] = 0
    union: str = ""
    type_name: str = ""
    go_name: str = ""
    _shape: "Shape | None" = None

    @property
    def shape(self) -> "Shape | None":
        """The type of an object field; None for every other field."""
        return self._shape or (get(self.type_name) if self.type_name else None)


@dataclass(frozen=True, slots=True, eq=False)
class Shape:
    """A type. `fields` is in Go's order, which is the order upstream writes them in."""

    name: str
    fields: Mapping[str, Field]
    group_version_kind: GroupVersionKind | None = None
    map_type: str | None = None
    preserve_unknown: bool = False  # x-kubernetes-preserve-unknown-fields of a structural schema
    custom: bool = False  # a custom resource: values keep their form, see custom_objects.py
    structural_schema: Obj | None = None  # what a custom resource's shape was made from; None keeps every field
    always: tuple[Field, ...] = field(default=())

    @property
    def go_name(self) -> str:
        """`Pod` of io.k8s.api.core.v1.Pod."""
        return self.name.rpartition(".")[2]

    @property
    def go_type(self) -> str:
        """`v1.Pod` of io.k8s.api.core.v1.Pod."""
        return ".".join(self.name.split(".")[-2:])


# Go registers these kinds, and no published document tells of them: they have the shape of the version that is served.
_UNPUBLISHED = {("policy", "v1beta1", "Eviction"): "io.k8s.api.policy.v1.Eviction"}


class UnknownType(KeyError):
    """No such type in the schema."""


@cache
def get(name: str) -> Shape:
    """The shape of a type by its OpenAPI name. Raises UnknownType."""
    start = _data().find(b'\n["%b",' % name.encode())
    if start < 0:
        raise UnknownType(name)
    return _compile(orjson.loads(_line(start + 1)))


@cache
def name_of(group: str, version: str, kind: str) -> str | None:
    """The OpenAPI name of a kind (list kinds included), or None when nothing is registered under it."""
    data = _data()
    at = data.find(b',[["%b","%b","%b"]],' % (group.encode(), version.encode(), kind.encode()))
    if at < 0:
        return _UNPUBLISHED.get((group, version, kind))
    start = data.rfind(b'\n["', 0, at) + 3
    return data[start : data.index(b'"', start)].decode()


def names() -> Iterator[str]:
    """The names of all types, sorted."""
    for line in _data().split(b"\n"):
        if line:
            yield line[2 : line.index(b'"', 2)].decode()


@cache
def _data() -> bytes:
    return resources.files(__package__).joinpath("types.jsonl").read_bytes()


def _line(start: int) -> bytes:
    data = _data()
    return data[start : data.index(b"\n", start)]


def _compile(line: list[Any]) -> Shape:
    name, kinds, map_type, rows = line
    fields = {row[0]: _field(row) for row in rows}
    return Shape(
        name=name,
        fields=fields,
        group_version_kind=GroupVersionKind(*kinds[0]) if kinds else None,
        map_type=map_type or None,
        always=tuple(f for f in fields.values() if f.always),
    )


def _field(row: list[Any]) -> Field:
    name, kind, flags, proto, *rest = row
    extras: dict[str, Any] = rest[0] if rest else {}
    return Field(
        name=name,
        **_type(kind, extras.get("g", "")),
        required="r" in flags,
        pointer="p" in flags,
        always="a" in flags,
        list_type=extras.get("l"),
        map_keys=tuple(extras.get("k", ())),
        map_type=extras.get("t"),
        patch_strategy=extras.get("s", ""),
        patch_merge_key=extras.get("m", ""),
        default=extras.get("d"),
        proto=tuple(proto) if isinstance(proto, list) else proto,
    )


def _type(kind: str, go_name: str = "") -> dict[str, Any]:
    """`[` list of, `{` map of, `@` object (a leading dot stands for io.k8s), otherwise the type itself.

    `go_name` is that of a scalar, or of the scalars inside, or of a map whose values are named as well.
    """
    match kind[0]:
        case "[":
            return {"type": "list", "item": Field("", **_type(kind[1:], go_name))}
        case "{":
            own = go_name if go_name.startswith("map[") else ""
            named = own.partition("]")[2] if own else go_name
            inner = {**_type(kind[1:]), "go_name": named} if kind[1] == "[" else _type(kind[1:], named)
            return {"type": "map", "item": Field("", **inner), "go_name": own}
        case "@":
            return {"type": "object", "type_name": _full(kind[1:])}
    if kind.startswith("schemaOr"):
        return {"type": "any", "union": kind}
    return {"type": kind, "go_name": go_name}


def _full(reference: str) -> str:
    return "io.k8s" + reference if reference.startswith(".") else reference
