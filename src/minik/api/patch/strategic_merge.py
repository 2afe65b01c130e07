"""Strategic merge patch: a merge patch that knows from the type how lists merge.

Directives in a patch: `$patch` (replace, delete, merge), `$retainKeys`, `$deleteFromPrimitiveList/<field>` and
`$setElementOrder/<field>`. Strategies and merge keys come from the Shape. How list items are ordered is in
strategic_lists.py. Custom resources have no such types; callers answer 415 for them.
https://github.com/kubernetes/community/blob/master/contributors/devel/sig-api-machinery/strategic-merge-patch.md
"""

from typing import Any, Protocol

from minik.api.patch import go_print, merge_patch
from minik.api.patch.strategic_lists import (
    DIRECTIVE,
    bad_format,
    bad_type,
    check_order,
    failed,
    find,
    item_kind,
    missing_key,
    ordered,
)
from minik.api.types import Obj

RETAIN_KEYS = "$retainKeys"
DELETE_FROM = "$deleteFromPrimitiveList/"
SET_ORDER = "$setElementOrder/"


class FieldLike(Protocol):
    """What is needed of a schema Field."""

    @property
    def patch_strategy(self) -> str: ...
    @property
    def patch_merge_key(self) -> str: ...
    @property
    def item(self) -> "FieldLike | None": ...
    @property
    def shape(self) -> "ShapeLike | None": ...


class ShapeLike(Protocol):
    """What is needed of a schema Shape."""

    @property
    def fields(self) -> Any: ...
    @property
    def go_name(self) -> str: ...


def apply(obj: Obj, patch: Obj, shape: ShapeLike) -> Obj:
    """The patched object; the arguments stay as they are. Raises 400, 422 or 500 with upstream's texts."""
    merge_patch.check(patch, prefix="")
    return _merge_struct(obj, patch or {}, shape, None)


def _merge_struct(original: Obj, patch: Obj, shape: ShapeLike | None, values: FieldLike | None) -> Obj:
    """Merges objects. `shape` is the struct's type, or `values` the type of a map's values; neither for free JSON."""
    if DIRECTIVE in patch:
        return _whole(patch)
    merged, rest = _retain_keys(original, patch)
    for key in [key for key in rest if key.startswith(SET_ORDER)]:
        _merge_in_order(merged, rest, key, shape, values)
    for key, value in rest.items():
        delete_from = key.startswith("$deleteFromPrimitiveList")
        if delete_from:
            key = _name_after(key, DELETE_FROM, "primitive list")
        if value is None:
            merged.pop(key, None)
        elif key not in merged or type(merged[key]) is not type(value):
            if not delete_from:
                _put(merged, key, merge_patch.without_nulls(value))
        elif isinstance(value, dict):
            field = _field(shape, values, key)
            merged[key] = _merge_map(merged[key], value, field)
        elif isinstance(value, list):
            merged[key] = _merge_list(merged[key], value, _field(shape, values, key), delete_from)
        else:
            merged[key] = value
    return merged


def _put(merged: Obj, key: str, value: Any) -> None:
    """A value that meets nothing to merge with takes the place of what is there. A directive leaves nothing there."""
    taken = _without_directives(value)
    if taken is _DIRECTIVE_ONLY:
        merged.pop(key, None)
    else:
        merged[key] = taken


def _whole(patch: Obj) -> Obj:
    """A map whose patch carries $patch."""
    match patch[DIRECTIVE]:
        case "replace":
            return {key: value for key, value in patch.items() if key != DIRECTIVE}
        case "delete":
            return {}
    raise _unknown_directive(patch)


def _unknown_directive(patch: Obj) -> Exception:
    return failed(f"unknown patch type: {go_print.string(patch[DIRECTIVE])} in map: {go_print.plain(patch)}")


def _retain_keys(original: Obj, patch: Obj) -> tuple[Obj, Obj]:
    """Copies of both without the directive; the original keeps only what the directive lists."""
    if RETAIN_KEYS not in patch:
        return dict(original), dict(patch)
    keep = patch[RETAIN_KEYS]
    rest = {key: value for key, value in patch.items() if key != RETAIN_KEYS}
    if not isinstance(keep, list):
        raise bad_format("retainKeys")
    for key, value in rest.items():
        if value is not None and not key.startswith((DELETE_FROM, SET_ORDER)) and key not in keep:
            raise bad_format("retainKeys")
    return {key: value for key, value in original.items() if key in keep}, rest


def _merge_in_order(merged: Obj, rest: Obj, key: str, shape: ShapeLike | None, values: FieldLike | None) -> None:
    """Handles one $setElementOrder together with its list's patch; takes both out of `rest`."""
    order = rest.pop(key)
    name = _name_after(key, SET_ORDER, "setElementOrder list")
    for value in (order, merged.get(name, []), rest.get(name, [])):
        if not isinstance(value, list):
            raise bad_type([], value)
    field = _field(shape, values, name)
    merge_key = field.patch_merge_key if field else ""
    live, patch = merged.get(name), rest.get(name)
    check_order(patch or [], order, merge_key)
    if live is None and patch is None:
        return
    if live is None:
        merged_list = _without_directives(patch)
    else:
        merged_list = live if patch is None else _merge_list(live, patch, field, False)
    merged[name] = ordered(merged_list, order, live or [], merge_key) if merged_list else merged_list
    rest.pop(name, None)


def _name_after(key: str, prefix: str, what: str) -> str:
    if not key.startswith(prefix):
        raise bad_format(what)
    return key.removeprefix(prefix)


def _field(shape: ShapeLike | None, values: FieldLike | None, key: str) -> FieldLike | None:
    if shape is None:
        return values
    field: FieldLike | None = shape.fields.get(key)
    if field is None:
        raise failed(f'unable to find api field in struct {shape.go_name} for the json field "{key}"')
    return field


def _strategies(field: FieldLike | None) -> list[str]:
    return field.patch_strategy.split(",") if field else []


def _merge_map(original: Obj, patch: Obj, field: FieldLike | None) -> Obj:
    if "replace" in _strategies(field):
        return dict(patch)
    if field is None:
        return _merge_struct(original, patch, None, None)
    return _merge_struct(original, patch, field.shape, field.item)


def _merge_list(original: list[Any], patch: list[Any], field: FieldLike | None, delete_from: bool) -> list[Any]:
    if field is None or ("merge" not in _strategies(field) and not delete_from):
        return patch
    if not original and not patch:
        return original
    if item_kind(original, patch) is not dict:
        if delete_from:
            return [item for item in original if item not in patch]
        return ordered(list(dict.fromkeys([*original, *patch])), patch, original, "")
    merge_key = field.patch_merge_key
    if not merge_key:
        raise failed("cannot merge lists without merge key for type struct")
    live, changes = _directives(original, patch, merge_key)
    merged = list(live)
    for change in changes:
        if merge_key not in change:
            raise missing_key(change, merge_key)
        at = find(merged, merge_key, change[merge_key])
        if at is None:
            merged.append(change)
        else:
            item = field.item
            merged[at] = _merge_struct(merged[at], change, item.shape if item else None, item.item if item else None)
    return ordered(merged, changes, live, merge_key)


def _directives(original: list[Any], patch: list[Any], merge_key: str) -> tuple[list[Any], list[Any]]:
    """Does what items with $patch say. Returns what is left of the list and the patch's ordinary items."""
    live, changes, replace = list(original), [], False
    for item in patch:
        if DIRECTIVE not in item:
            changes.append(item)
        elif item[DIRECTIVE] == "delete":
            if merge_key not in item:
                raise missing_key(item, merge_key)
            live = [kept for kept in live if kept.get(merge_key) != item[merge_key]]
        elif item[DIRECTIVE] == "replace":
            replace = True
        elif item[DIRECTIVE] == "merge":
            raise failed("merging lists cannot yet be specified in the patch")
        else:
            raise _unknown_directive(item)
    return (changes, []) if replace else (live, changes)


_DIRECTIVE_ONLY: Any = object()


def _without_directives(value: Any) -> Any:
    """The value without maps that carry $patch; `_DIRECTIVE_ONLY` for one that is such a map itself.

    Other directives stay, and are unknown fields of what the patch makes. So are all in new items of lists.
    """
    if isinstance(value, dict):
        if DIRECTIVE in value:
            return _DIRECTIVE_ONLY
        members = ((key, _without_directives(member)) for key, member in value.items())
        return {key: member for key, member in members if member is not _DIRECTIVE_ONLY}
    if isinstance(value, list):
        return [item for item in map(_without_directives, value) if item is not _DIRECTIVE_ONLY]
    return value
