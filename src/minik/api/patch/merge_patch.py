"""JSON Merge Patch (RFC 7386): null removes, objects merge, everything else replaces. The patch itself is an object.

Levels that the patch touches come out sorted by key, because error texts quote the patched document.
"""

from typing import Any

from minik.api.patch import go_print
from minik.api.status import bad_request
from minik.api.types import Obj


def apply(obj: Obj, patch: Any) -> Obj:
    """The merged object; `obj` and `patch` stay as they are. Raises 400 when the patch is no object."""
    if not isinstance(patch, dict):
        raise bad_request("Invalid JSON Patch")
    return _merge(obj, patch)


def check(patch: Any, prefix: str = "error decoding patch: ") -> None:
    """Raises the 400 of a strategic or merge patch that is valid JSON but no object; null passes."""
    if patch is not None and not isinstance(patch, dict):
        text = f"json: cannot unmarshal {go_print.json_name(patch)} into Go value of type map[string]interface {{}}"
        raise bad_request(prefix + text)


def diff(old: Obj, new: Obj) -> Obj:
    """The smallest merge patch that turns `old` into `new`. A null in `new` cannot be expressed and is lost."""
    patch: Obj = {key: None for key in old if key not in new}
    for key, value in new.items():
        if key not in old:
            patch[key] = value
        elif old[key] != value:
            both = isinstance(old[key], dict) and isinstance(value, dict)
            patch[key] = diff(old[key], value) if both else value
    return patch


def _merge(target: Obj, patch: Obj | None) -> Obj:
    merged = dict(target)
    for key, value in (patch or {}).items():
        current = merged.get(key)
        if value is None:
            merged.pop(key, None)
        elif not isinstance(current, dict):
            merged[key] = without_nulls(value)
        elif isinstance(value, dict):
            merged[key] = _merge(current, value)
        else:
            merged[key] = value
    return dict(sorted(merged.items()))


def without_nulls(value: Any) -> Any:
    """A copy without members that are null, at any depth; nulls in lists stay."""
    if isinstance(value, dict):
        return {key: without_nulls(member) for key, member in value.items() if member is not None}
    if isinstance(value, list):
        return [without_nulls(item) for item in value]
    return value
