"""Small facts about API objects that several controllers read."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson

from minik.api.types import Obj
from minik.client.clock import format_time


def own_copy(obj: Obj) -> Obj:
    """A deep copy of a shared object, to change or to hand to a client that takes it over."""
    copy: Obj = orjson.loads(orjson.dumps(obj))
    return copy


def labels_of(obj: Obj) -> Mapping[str, str]:
    return obj["metadata"].get("labels") or {}


def annotations_of(obj: Obj) -> Mapping[str, str]:
    return obj["metadata"].get("annotations") or {}


def is_deleting(obj: Obj) -> bool:
    return "deletionTimestamp" in obj["metadata"]


def controller_of(obj: Obj) -> Obj | None:
    """The owner reference of the managing controller (metav1.GetControllerOf)."""
    for reference in obj["metadata"].get("ownerReferences") or ():
        if reference.get("controller"):
            found: Obj = reference
            return found
    return None


def controller_uid(obj: Obj) -> str:
    reference = controller_of(obj)
    return reference["uid"] if reference else ""


def owner_reference(owner: Obj, api_version: str, kind: str) -> Obj:
    """The reference a controller puts on what it creates (metav1.NewControllerRef)."""
    metadata = owner["metadata"]
    return {
        "apiVersion": api_version,
        "kind": kind,
        "name": metadata["name"],
        "uid": metadata["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }


def condition_of(obj: Obj, type: str) -> Obj | None:
    return find_condition((obj.get("status") or {}).get("conditions") or (), type)


def find_condition(conditions: Iterable[Obj], type: str) -> Obj | None:
    return next((condition for condition in conditions if condition["type"] == type), None)


def with_condition(conditions: Sequence[Obj], new: Obj, now: datetime) -> list[Obj]:
    """`conditions` with `new` ({type, status, reason, message}); its lastTransitionTime moves only with its status.

    A condition of the same status, reason and message stays as it is.
    """
    old = find_condition(conditions, new["type"])
    if old is not None and all(old.get(name, "") == new.get(name, "") for name in ("status", "reason", "message")):
        return [*conditions]
    changed = old is None or old["status"] != new["status"]
    moved = format_time(now) if changed or old is None else old.get("lastTransitionTime", format_time(now))
    complete = {"lastTransitionTime": moved, **new}
    if old is None:
        return [*conditions, complete]
    return [complete if condition is old else condition for condition in conditions]


def without_zeros(fields: Mapping[str, Any], keep: Iterable[str] = ()) -> Obj:
    """Drop what Go's omitempty drops."""
    kept = set(keep)
    return {name: value for name, value in fields.items() if value or name in kept}
