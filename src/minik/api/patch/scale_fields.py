"""managedFields of the scale subresource: the parent's replicas field seen as the Scale's, and back.

A write to /scale is tracked on a Scale object whose managers are those that own the parent's replicas. Whoever no
longer owns them there loses them in the parent.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from minik.api.patch import field_set
from minik.api.patch.field_set import FieldSet, Path
from minik.api.patch.managers import UPDATE, ManagerId, Managers, Owned, decode, encode
from minik.api.types import Obj

SCALE_VERSION = "autoscaling/v1"
_REPLICAS: Path = ("f:spec", "f:replicas")


def of_scale(parent_entries: Sequence[Any], replicas: Mapping[str, tuple[str, ...]]) -> list[Obj]:
    """managedFields for the Scale. `replicas` gives the field's path for every API version of the parent."""
    scale = {
        _renamed(manager, SCALE_VERSION): Owned(field_set.from_paths(_REPLICAS), SCALE_VERSION, owned.time)
        for manager, owned in decode(parent_entries).items()
        if field_set.contains(owned.fields, _path(replicas.get(owned.api_version)))
    }
    return encode(scale)


def of_parent(
    parent_entries: Sequence[Any],
    scale_entries: Sequence[Any],
    replicas: Mapping[str, tuple[str, ...]],
    api_version: str,
) -> list[Obj]:
    """The parent's managedFields after a write to its Scale. New owners come without a time, as upstream's do."""
    scale = {
        manager: owned
        for manager, owned in decode(scale_entries).items()
        if field_set.contains(owned.fields, _REPLICAS)
    }
    parent: Managers = {}
    for manager, owned in decode(parent_entries).items():
        path = replicas.get(owned.api_version)
        owns_replicas = path is not None and field_set.contains(owned.fields, _path(path))
        if path is None or not owns_replicas or scale.pop(_renamed(manager, SCALE_VERSION), None) is not None:
            parent[manager] = owned
        else:
            rest = field_set.difference(owned.fields, _set(path))
            if rest:
                parent[manager] = owned.with_fields(rest)
    for manager in scale:
        mine = _renamed(manager, api_version)
        known = parent.get(mine)
        fields = field_set.union(known.fields, _set(replicas[api_version])) if known else _set(replicas[api_version])
        parent[mine] = replace(known, fields=fields, entry=None) if known else Owned(fields, api_version)
    return encode(parent)


def _renamed(manager: ManagerId, api_version: str) -> ManagerId:
    return manager._replace(api_version=api_version) if manager.operation == UPDATE else manager


def _path(names: tuple[str, ...] | None) -> Path:
    return tuple(f"f:{name}" for name in names or ())


def _set(names: tuple[str, ...]) -> FieldSet:
    return field_set.from_paths(_path(names))
