"""ApplyConfiguration mutations: a partial object is merged into the object as server-side apply would.

No field changes its owner. Atomic lists, maps and structs may not be in it: what the expression leaves out of them
would be lost. https://kubernetes.io/docs/reference/access-authn-authz/mutating-admission-policy/
"""

from typing import Any

import orjson

from minik.api.patch import merge_types, typed_check
from minik.api.patch.merge_types import MergeType
from minik.api.patch.typed_merge import merge
from minik.api.schema.types import Shape
from minik.api.types import Obj


class NotApplicable(Exception):
    """The configuration cannot be merged. The text is the one to show."""


def apply(obj: Obj, configuration: Obj, shape: Shape) -> Obj:
    """The merged object, the caller's own. Raises NotApplicable."""
    of = merge_types.of_shape(shape)
    applied = {"kind": obj["kind"], "apiVersion": obj["apiVersion"], **configuration}
    wrong = typed_check.complaints(applied, of)
    if wrong:
        raise NotApplicable(f"failed to convert patch object to typed object: {typed_check.message(wrong)}")
    atomics = list(_atomics(applied, of, ""))
    if atomics:
        text = f"may not mutate atomic arrays, maps or structs: {', '.join(atomics)}"
        raise NotApplicable(f"invalid ApplyConfiguration: {text}")
    merged: Obj = orjson.loads(orjson.dumps(merge(obj, applied, of)))
    return merged


def _atomics(value: Any, of: MergeType, path: str) -> list[str]:
    """Paths of everything in `value` that only changes as a whole."""
    if not isinstance(value, (dict, list)):
        return []
    found = [path] if of.kind == "leaf" or (of.kind == "any" and isinstance(value, list)) else []
    if isinstance(value, dict):
        for name, part in value.items():
            found += _atomics(part, of.member(name)[1], f"{path}.{name}")
    elif of.element is not None:
        for position, item in enumerate(value):
            found += _atomics(item, of.element, f"{path}[{position}]")
    return found
