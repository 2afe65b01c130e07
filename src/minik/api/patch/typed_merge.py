"""Merges an applied configuration into a live object, and takes fields out of an object, by type.

Neither changes its arguments; results share unchanged branches with them, so that a comparison afterwards can skip
what is the same object.
"""

from typing import Any

from minik.api.patch.field_set import SELF, FieldSet
from minik.api.patch.list_keys import NoKey, element_of, index
from minik.api.patch.merge_types import MergeType


def merge(live: Any, applied: Any, of: MergeType) -> Any:
    """`live` with everything `applied` says. An empty or null object or list in `applied` takes nothing away."""
    if of.kind == "leaf" or type(live) not in (dict, list) or not live:
        return applied
    if isinstance(live, dict):
        if not isinstance(applied, dict):
            return live if applied is None else applied
        return _merge_objects(live, applied, of) if applied else live
    if of.kind == "any" or not isinstance(applied, (list, type(None))):
        return applied
    return _merge_lists(live, applied, of) if applied else live


def _merge_objects(live: dict[str, Any], applied: dict[str, Any], of: MergeType) -> dict[str, Any]:
    merged = dict(live)
    for name, value in applied.items():
        merged[name] = merge(live[name], value, of.member(name)[1]) if name in live else value
    return merged


def _merge_lists(live: list[Any], applied: list[Any], of: MergeType) -> list[Any]:
    """Items keep the live order where they can; shared ones take the applied order."""
    wanted = [element_of(item, of) for item in applied]
    given = dict(zip(wanted, applied, strict=True))
    present = index(live, of)
    shared = iter([element for element in wanted if element in present])
    next_shared = next(shared, None)
    merged: list[Any] = []
    done: set[str] = set()
    at = 0

    def take(element: str) -> None:
        lives = present.get(element, ())
        merged.append(merge(lives[0], given[element], _item(of)) if len(lives) == 1 else given[element])
        done.add(element)

    for item in live:
        try:
            element = element_of(item, of)
        except NoKey:
            continue
        if element not in given:
            merged.append(item)
            continue
        if element in done or element != next_shared:
            continue
        while at < len(wanted) and wanted[at] != element:
            take(wanted[at])
            at += 1
        take(element)
        at += 1
        next_shared = next(shared, None)
    for element in wanted[at:]:
        take(element)
    return merged


def _item(of: MergeType) -> MergeType:
    assert of.element is not None
    return of.element


def remove(value: Any, fields: FieldSet, of: MergeType) -> Any:
    """`value` without the fields and items in the set. Emptied objects and lists stay, empty."""
    if not fields or of.kind == "leaf":
        return value
    if isinstance(value, dict):
        return _remove_from_object(value, fields, of)
    if isinstance(value, list) and of.kind in ("keyed", "set"):
        return _remove_from_list(value, fields, of)
    return value


def _remove_from_object(value: dict[str, Any], fields: FieldSet, of: MergeType) -> dict[str, Any]:
    rest = {}
    for name, part in value.items():
        element, member = of.member(name)
        branch = fields.get(element)
        if branch is None:
            rest[name] = part
        elif branch and SELF not in branch:
            rest[name] = remove(part, branch, member)
    return rest


def _remove_from_list(value: list[Any], fields: FieldSet, of: MergeType) -> list[Any]:
    rest = []
    for item in value:
        try:
            branch = fields.get(element_of(item, of))
        except NoKey:
            branch = None
        if branch is None:
            rest.append(item)
        elif branch and SELF not in branch:
            rest.append(remove(item, branch, _item(of)))
    return rest
