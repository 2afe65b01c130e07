"""The field managers of an object: metadata.managedFields, decoded.

A manager is told apart by name, operation and subresource, an updater also by the API version it wrote in. Entries are
written applied ones first, then by time, as upstream does. More than ten updaters are folded into "ancient-changes".
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from minik.api.patch import field_set
from minik.api.patch.field_set import FieldSet
from minik.api.types import Obj

APPLY, UPDATE = "Apply", "Update"
BEFORE_FIRST_APPLY = "before-first-apply"
ANCIENT_CHANGES = "ancient-changes"
MAX_UPDATE_MANAGERS = 10
MAX_NAME_BYTES = 128


class ManagerId(NamedTuple):
    """Who owns fields. `api_version` is empty for appliers, who are the same in every version."""

    manager: str
    operation: str
    api_version: str
    subresource: str


@dataclass(frozen=True, slots=True)
class Owned:
    """The fields of one manager, as the names of one API version. `time` is RFC 3339 or empty."""

    fields: FieldSet
    api_version: str
    time: str = ""
    entry: Obj | None = None  # what it was read from, as long as nothing changed

    def with_fields(self, fields: FieldSet) -> "Owned":
        return self if fields is self.fields else replace(self, fields=fields, entry=None)


Managers = dict[ManagerId, Owned]


class InvalidManagedFields(ValueError):
    """managedFields that do not parse."""


def identify(manager: str, operation: str, api_version: str, subresource: str) -> ManagerId:
    """The identity of who sends a request. A nameless one is called "unknown"."""
    return ManagerId(manager or "unknown", operation, "" if operation == APPLY else api_version, subresource)


def name_from(field_manager: str, user_agent: str) -> str:
    """The manager's name: the fieldManager parameter, else the program's name in the user agent."""
    if field_manager:
        return field_manager
    name = ""
    for character in user_agent.split("/", 1)[0]:
        if not character.isprintable():
            continue
        if len((name + character).encode()) > MAX_NAME_BYTES:
            break
        name += character
    return name


def decode(entries: Iterable[Any], *, trusted: bool = True) -> Managers:
    """Managers from managedFields. Trusted ones were written by `encode`; others are parsed with care.

    Raises InvalidManagedFields with upstream's text.
    """
    managers: Managers = {}
    for position, entry in enumerate(entries):
        operation, api_version = entry.get("operation"), entry.get("apiVersion")
        if operation not in (APPLY, UPDATE):
            raise InvalidManagedFields("operation must be `Apply` or `Update`")
        if not api_version:
            raise InvalidManagedFields("apiVersion must not be empty")
        fields_type = entry.get("fieldsType", "")
        if fields_type != "FieldsV1":
            what = f'invalid fieldsType "{fields_type}"' if fields_type else "missing fieldsType"
            raise InvalidManagedFields(f"{what} in managed fields entry {position}")
        fields = entry.get("fieldsV1") or {}
        if not trusted:
            try:
                fields = field_set.parse(fields)
            except ValueError as error:
                raise InvalidManagedFields(f"error decoding fields: {error}") from error
        version = "" if operation == APPLY else api_version
        manager = ManagerId(entry.get("manager", ""), operation, version, entry.get("subresource", ""))
        managers[manager] = Owned(fields, api_version, entry.get("time") or "", entry if trusted else None)
    return managers


def owned_since(time: str, fields: FieldSet, api_version: str, before: Owned | None) -> Owned:
    """`fields`, last written at `time`. An entry that says the same but for its time is not made again."""
    if before and before.fields == fields and before.api_version == api_version and before.time and before.entry:
        return replace(before, time=time, entry={**before.entry, "time": time})
    return Owned(fields, api_version, time)


def encode(managers: Managers) -> list[Obj]:
    """managedFields from managers. Entries that did not change are passed on as they were read."""
    ranked = sorted(managers.items(), key=_rank)
    return [owned.entry or _entry(manager, owned) for manager, owned in ranked]


def _rank(item: tuple[ManagerId, Owned]) -> tuple[str, ...]:
    manager, owned = item
    return manager.operation, owned.time, manager.manager, owned.api_version, manager.subresource


def _entry(manager: ManagerId, owned: Owned) -> Obj:
    entry: Obj = {"manager": manager.manager} if manager.manager else {}
    entry["operation"] = manager.operation
    entry["apiVersion"] = owned.api_version
    if owned.time:
        entry["time"] = owned.time
    entry["fieldsType"] = "FieldsV1"
    entry["fieldsV1"] = field_set.in_order(owned.fields)
    if manager.subresource:
        entry["subresource"] = manager.subresource
    return entry


def capped(managers: Managers) -> Managers:
    """At most ten updaters: the oldest of each API version share one entry. Returns its argument when few."""
    updaters = [manager for manager in managers if manager.operation == UPDATE]
    excess = len(updaters) - MAX_UPDATE_MANAGERS
    if excess <= 0:
        return managers
    updaters.sort(key=lambda manager: (managers[manager].time, manager))
    kept = dict(managers)
    first_of: dict[str, ManagerId] = {}
    for manager in updaters:
        if excess <= 0:
            break
        owned = kept[manager]
        first = first_of.setdefault(owned.api_version, manager)
        if first == manager:
            continue
        bucket = ManagerId(ANCIENT_CHANGES, UPDATE, owned.api_version, "")
        if bucket not in kept:
            kept[bucket] = kept.pop(first)
        moved = kept.pop(first if manager == bucket else manager)
        together = field_set.union(moved.fields, kept[bucket].fields)
        kept[bucket] = Owned(together, owned.api_version, owned.time)
        first_of[owned.api_version] = bucket
        excess -= 1
    return kept
