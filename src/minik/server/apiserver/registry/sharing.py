"""What many decoded objects have in common is kept once.

managedFields make a third of a decoded Pod, and those of the Pods of one ReplicaSet hardly differ. So the sets of
fields are looked up by their JSON, one by one for each field of `metadata`, `spec` and `status`: what differs (the
addresses of a Pod) then keeps nothing else from being shared.
"""

import functools
from typing import Any

import orjson

from minik.api.types import Obj

_KEPT = 1024  # sets

_NOTHING: Obj = {}  # the set of a field that has none below it


def share(obj: Obj) -> None:
    """Have `obj`, a whole object that nobody is going to change, share its managedFields with others."""
    for entry in obj["metadata"].get("managedFields") or ():
        sets = entry.get("fieldsV1") or {}
        for name, fields in sets.items():
            if not fields:
                sets[name] = _NOTHING
            for below, set_of_fields in fields.items():
                fields[below] = _shared(orjson.dumps(set_of_fields)) if set_of_fields else _NOTHING


@functools.lru_cache(_KEPT)
def _shared(text: bytes) -> Any:
    return orjson.loads(text)
