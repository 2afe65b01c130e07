"""What the registry does to `metadata` of every kind when an object is created or updated.

Pure. Rules: apiserver's registry/rest BeforeCreate and BeforeUpdate,
https://github.com/kubernetes/community/blob/master/contributors/devel/sig-architecture/api-conventions.md#metadata
"""

import random
import uuid
from collections.abc import Callable
from datetime import datetime

from minik.api.scheme import Resource, Strategy
from minik.api.types import Obj

# The order in which upstream writes metadata.
_ORDER = (
    "name",
    "generateName",
    "namespace",
    "selfLink",
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "labels",
    "annotations",
    "ownerReferences",
    "finalizers",
    "managedFields",
)
_SUFFIX_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"
_SUFFIX_LENGTH = 5
_GENERATED_NAME_MAX = 63


def timestamp(now: datetime) -> str:
    """metav1.Time: RFC 3339, UTC, seconds."""
    return f"{now.isoformat(timespec='seconds')[:19]}Z"  # a fifth of what strftime costs


def ordered(metadata: Obj) -> Obj:
    """The same metadata in upstream's order of fields."""
    out = {key: metadata[key] for key in _ORDER if key in metadata}
    if len(out) != len(metadata):
        out.update((key, value) for key, value in metadata.items() if key not in out)
    return out


def generate_name(prefix: str) -> str:
    """A name from generateName: the prefix, cut if need be, and five random characters."""
    suffix = "".join(random.choices(_SUFFIX_ALPHABET, k=_SUFFIX_LENGTH))
    return prefix[: _GENERATED_NAME_MAX - _SUFFIX_LENGTH] + suffix


def fill_new(obj: Obj, resource: Resource, namespace: str, now: datetime, *, uid: str = "") -> None:
    """Set what only the server sets on a new object; `obj` is changed."""
    metadata: Obj = obj["metadata"]
    for key in ("deletionTimestamp", "deletionGracePeriodSeconds", "selfLink"):
        metadata.pop(key, None)
    if resource.namespaced:
        metadata["namespace"] = namespace
    metadata["uid"] = uid or str(uuid.uuid4())
    metadata["creationTimestamp"] = timestamp(now)
    if resource.strategy.has_generation:
        metadata["generation"] = 1
    elif metadata.get("generation") == 0:
        del metadata["generation"]  # other numbers stay: who counts no generations does not mind them


def carry_over(new: Obj, old: Obj) -> None:
    """Keep in `new` what no client may change; the system's fields that were left out are filled in."""
    metadata, before = new["metadata"], old["metadata"]
    metadata.pop("selfLink", None)
    if not metadata.get("uid"):
        metadata["uid"] = before["uid"]
    metadata["creationTimestamp"] = before["creationTimestamp"]
    if "generation" in before:
        metadata["generation"] = before["generation"]
    else:
        metadata.pop("generation", None)
    if "deletionTimestamp" in before:
        metadata["deletionTimestamp"] = before["deletionTimestamp"]
    if "deletionGracePeriodSeconds" in before:
        metadata.setdefault("deletionGracePeriodSeconds", before["deletionGracePeriodSeconds"])


def bump_generation(new: Obj, old: Obj, strategy: Strategy) -> None:
    """Count a change of what the object asks for."""
    if not strategy.has_generation:
        return
    changes: Callable[[Obj, Obj], bool] = strategy.generation_changes or _spec_differs
    if changes(new, old):
        new["metadata"]["generation"] = old["metadata"].get("generation", 0) + 1


def _spec_differs(new: Obj, old: Obj) -> bool:
    return bool(new.get("spec") != old.get("spec"))


def without_duplicate_owners(obj: Obj, *, admitted: bool) -> list[str]:
    """Drop repeated owner references and return the warnings about them. `admitted`: plugins have had the object."""
    metadata = obj["metadata"]
    owners = metadata.get("ownerReferences")
    if not owners or len(owners) < 2:
        return []
    kept: list[Obj] = []
    repeated: list[str] = []
    for owner in owners:
        if owner not in kept:
            kept.append(owner)
        else:
            repeated.append(owner.get("uid", ""))
    if not repeated:
        return []
    metadata["ownerReferences"] = kept
    listed = ", ".join(repeated)
    when = " after mutating admission happens" if admitted else ""
    return [
        f".metadata.ownerReferences contains duplicate entries{when}; API server dedups owner references in 1.20+, and "
        f"may reject such requests as early as 1.24; please fix your requests; duplicate UID(s) observed: {listed}"
    ]
