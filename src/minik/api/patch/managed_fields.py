"""metadata.managedFields after a create, update or patch: who changed a field owns it.

Call `update` with the object as it is to be written (decoded, defaulted, patched), before admission changes it, and
`keep_times` at the very end, so that a write without any other effect stays one.
https://kubernetes.io/docs/reference/using-api/server-side-apply/#field-management
"""

from typing import Any

from minik.api.patch import field_set, merge_types
from minik.api.patch.managers import (
    UPDATE,
    InvalidManagedFields,
    Managers,
    capped,
    decode,
    encode,
    identify,
    owned_since,
)
from minik.api.patch.ownership import (
    SERVER_FIELDS,
    Converter,
    Differences,
    ignored_fields,
    in_current_schema,
    settle,
)
from minik.api.schema.types import Shape
from minik.api.types import Obj


def update(
    live: Obj | None,
    new: Obj,
    *,
    shape: Shape,
    manager: str,
    api_version: str,
    now: str,
    operation: str = UPDATE,
    subresource: str = "",
    reset_fields: frozenset[tuple[str, ...]] = frozenset(),
    convert: Converter | None = None,
) -> Obj:
    """`new` with managedFields maintained; `live` is None on create. Neither is changed.

    An object without managedFields stays without them. A client may replace them by sending valid ones, or clear them
    with `[]` or `[{}]`; invalid ones are ignored. `now` is RFC 3339 with seconds. Never raises.
    """
    managers = in_current_schema(_current(live, new, in_subresource=bool(subresource)), shape, api_version)
    bare = bare_object(new)
    if managers or live is None:
        before = merge_types.zero(shape) if live is None else bare_object(live)
        managers = record_update(
            before,
            bare,
            managers,
            shape=shape,
            manager=manager,
            operation=operation,
            api_version=api_version,
            now=now,
            subresource=subresource,
            reset_fields=reset_fields,
            convert=convert,
        )
    return with_managers(bare, managers)


def record_update(
    before: Obj,
    after: Obj,
    managers: Managers,
    *,
    shape: Shape,
    manager: str,
    api_version: str,
    now: str,
    operation: str = UPDATE,
    subresource: str = "",
    reset_fields: frozenset[tuple[str, ...]] = frozenset(),
    convert: Converter | None = None,
) -> Managers:
    """The managers after an update from `before` to `after`, both without managedFields."""
    ignored = ignored_fields(reset_fields)
    differences = Differences(before, after, shape, api_version, ignored, convert)
    settled, _ = settle(managers, None, differences)
    mine = field_set.without(differences.all.changed, ignored)
    mine = field_set.difference(mine, SERVER_FIELDS)
    if not mine:
        return settled
    me = identify(manager, operation, api_version, subresource)
    previous = settled.get(me)
    together = field_set.union(mine, previous.fields) if previous else mine
    settled[me] = owned_since(now, together, api_version, previous)
    return capped(settled)


def _current(live: Obj | None, new: Obj, *, in_subresource: bool) -> Managers:
    """The managers before the write: the ones the client sent if they are valid, else the live object's."""
    stored = _entries(live) if live else None
    sent = _entries(new)
    if not in_subresource and sent is not None and sent != stored:
        if sent in ([], [{}]):
            return {}
        try:
            managers = decode(sent, trusted=False)
        except (InvalidManagedFields, AttributeError, TypeError):
            managers = {}
        if managers:
            return managers
    try:
        return decode(stored or ())
    except InvalidManagedFields:
        return {}


def _entries(obj: Obj) -> Any:
    return (obj.get("metadata") or {}).get("managedFields")


def bare_object(obj: Obj) -> Obj:
    """The object without managedFields; shares everything else with its argument."""
    metadata = obj.get("metadata")
    if not metadata or "managedFields" not in metadata:
        return obj
    return {**obj, "metadata": {key: value for key, value in metadata.items() if key != "managedFields"}}


def with_managers(bare: Obj, managers: Managers) -> Obj:
    """The object with these managers written into a metadata of its own."""
    if not managers:
        return bare
    return {**bare, "metadata": {**(bare.get("metadata") or {}), "managedFields": encode(managers)}}


def keep_times(old: Obj, new: Obj) -> None:
    """Takes back changed times in `new`'s managedFields when nothing else differs from `old`. Changes `new`."""
    before, after = _entries(old), _entries(new)
    if not before or not after or len(before) != len(after) or before == after:
        return
    same_owners = all(_timeless(a) == _timeless(b) for a, b in zip(before, after, strict=True))
    if same_owners and bare_object(old) == bare_object(new):
        new["metadata"]["managedFields"] = before


def _timeless(entry: Obj) -> Obj:
    return {key: value for key, value in entry.items() if key != "time"}
