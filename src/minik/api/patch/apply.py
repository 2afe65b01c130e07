"""Server-side apply: merges a configuration into the live object and records which fields it claims.

Fields that the manager applied before and leaves out now are removed, unless others manage them as well. Setting a
field of another manager to a different value is a conflict, unless forced.
https://kubernetes.io/docs/reference/using-api/server-side-apply/
"""

from typing import NamedTuple

import orjson

from minik.api.patch import field_set, last_applied, merge_types, typed_check
from minik.api.patch.field_set import FieldSet
from minik.api.patch.managed_fields import bare_object, record_update, with_managers
from minik.api.patch.managers import (
    APPLY,
    BEFORE_FIRST_APPLY,
    InvalidManagedFields,
    ManagerId,
    Managers,
    Owned,
    capped,
    decode,
    identify,
    owned_since,
)
from minik.api.patch.merge_types import MergeType
from minik.api.patch.ownership import (
    SERVER_FIELDS,
    Conflict,
    Converter,
    Differences,
    conflict_error,
    ignored_fields,
    in_current_schema,
    settle,
)
from minik.api.patch.typed_merge import merge, remove
from minik.api.patch.typed_sets import fields_of, with_named_fields
from minik.api.schema.types import Shape
from minik.api.status import StatusError, bad_request
from minik.api.types import Obj


class _Request(NamedTuple):
    """An apply, as its steps need it."""

    applied: Obj
    shape: Shape
    of: MergeType
    me: ManagerId
    api_version: str
    now: str
    ignored: FieldSet
    convert: Converter | None


def apply(
    live: Obj | None,
    applied: Obj,
    *,
    shape: Shape,
    manager: str,
    api_version: str,
    now: str,
    force: bool = False,
    subresource: str = "",
    reset_fields: frozenset[tuple[str, ...]] = frozenset(),
    convert: Converter | None = None,
) -> Obj:
    """The live object (None: there is none) with the configuration applied, managedFields included.

    The result is the caller's own; it still needs pruning and defaults. `now` is RFC 3339 with seconds. An apply that
    changes nothing returns an equal object. Raises 400 for another type, 500 for a configuration that does not fit the
    schema, 409 for conflicts.
    """
    _check(applied, shape, api_version)
    base = bare_object(live) if live else {}
    managers = in_current_schema(_managers(live), shape, api_version)
    if live and not managers:
        managers = record_update(
            merge_types.zero(shape),
            base,
            managers,
            shape=shape,
            manager=BEFORE_FIRST_APPLY,
            api_version=api_version,
            now=now,
            subresource=subresource,
            reset_fields=reset_fields,
        )
    me = identify(manager, APPLY, api_version, subresource)
    of = merge_types.of_shape(shape)
    request = _Request(applied, shape, of, me, api_version, now, ignored_fields(reset_fields), convert)
    new, managers, conflicts = _merge_in(base, managers, request)
    if conflicts and not force:
        _refuse(conflicts, base, manager, shape, api_version)
    if manager == last_applied.MANAGER:
        new = last_applied.refreshed(new, applied)
    result: Obj = orjson.loads(orjson.dumps(with_managers(new, managers)))
    return result


def _managers(live: Obj | None) -> Managers:
    try:
        return decode((live or {}).get("metadata", {}).get("managedFields") or ())
    except InvalidManagedFields as error:
        raise StatusError(500, "", f"failed to decode managed fields: {error}") from error


def _check(applied: Obj, shape: Shape, api_version: str) -> None:
    given = applied.get("apiVersion")
    group, _, version = given.rpartition("/") if isinstance(given, str) else ("", "", "")
    kind = applied.get("kind") or ""
    described = f"{group}/{version}, Kind={kind}"
    wanted = shape.group_version_kind
    if given != api_version or (wanted and kind != wanted.kind):
        raise bad_request(f"invalid object type: {described}")
    metadata = applied.get("metadata")
    if isinstance(metadata, dict) and metadata.get("managedFields") is not None:
        raise bad_request("metadata.managedFields must be nil")
    wrong = typed_check.complaints(applied, merge_types.of_shape(shape))
    if wrong:
        names = metadata if isinstance(metadata, dict) else {}
        namespace, name = (text if isinstance(text := names.get(key), str) else "" for key in ("namespace", "name"))
        whose = f"{namespace}/{name}; {described}"
        raise StatusError(500, "", f"failed to create typed patch object ({whose}): {typed_check.message(wrong)}")


def _merge_in(base: Obj, managers: Managers, request: _Request) -> tuple[Obj, Managers, list[Conflict]]:
    """The merged object, its managers, and what the apply took from other managers."""
    me, of = request.me, request.of
    claimed = field_set.without(fields_of(request.applied, of), request.ignored)
    previous = managers.get(me)
    managers = {**managers, me: Owned(claimed, request.api_version, previous.time if previous else "")}
    mine = field_set.difference(claimed, SERVER_FIELDS)
    new = merge(base, request.applied, of)
    if previous and previous.fields != mine:
        new = _without_dropped(new, previous.fields, claimed, managers, of)
    differences = Differences(base, new, request.shape, request.api_version, request.ignored, request.convert)
    settled, conflicts = settle(managers, me, differences)
    settled.pop(me)
    if mine:
        settled[me] = _entry_of(mine, previous, request, changed=base != new)
    return new, capped(settled), conflicts


def _entry_of(fields: FieldSet, previous: Owned | None, request: _Request, *, changed: bool) -> Owned:
    """The applier's own entry. Its time moves only when the object changed."""
    if changed:
        return owned_since(request.now, fields, request.api_version, previous)
    if previous and previous.fields == fields and previous.api_version == request.api_version:
        return previous
    return Owned(fields, request.api_version, previous.time if previous else "")


def _without_dropped(merged: Obj, last: FieldSet, claimed: FieldSet, managers: Managers, of: MergeType) -> Obj:
    """`merged` without what the manager applied last time, not now, and nobody else manages.

    First everything applied last time goes; what someone manages comes back; then what nobody ever applied.
    """
    if not field_set.difference(last, claimed):
        return merged
    owned: FieldSet = {}
    for manager in managers.values():
        owned = field_set.union(owned, manager.fields)
    before = with_named_fields(last, of)
    present = with_named_fields(fields_of(merged, of), of)
    left = with_named_fields(fields_of(remove(merged, before, of), of), of)
    keep = field_set.union(left, with_named_fields(owned, of))
    without_unowned = remove(merged, field_set.difference(present, keep), of)
    gone = field_set.difference(present, with_named_fields(fields_of(without_unowned, of), of))
    pruned: Obj = remove(merged, field_set.intersection(gone, before), of)
    return pruned


def _refuse(conflicts: list[Conflict], base: Obj, manager: str, shape: Shape, api_version: str) -> None:
    """Raises the conflict, except where kubectl takes over fields it applied on the client's side before."""
    if manager == last_applied.MANAGER:
        own = last_applied.unchanged_fields(base, shape, api_version)
        if own is not None:
            conflicts = [conflict for conflict in conflicts if not field_set.contains(own, conflict.path)]
    if conflicts:
        raise conflict_error(conflicts)
