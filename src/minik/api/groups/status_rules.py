"""How the writes of a kind are divided between its main endpoint and its status subresource.

The main endpoint starts with an empty status and keeps the one there is; `status` keeps the spec.
Rules: https://github.com/kubernetes/community/blob/master/contributors/devel/sig-architecture/api-conventions.md#spec-and-status
"""

from collections.abc import Callable, Sequence

from minik.api.schema import structs, types
from minik.api.scheme import Strategy
from minik.api.types import Obj
from minik.api.validation import FieldError

RESET_STATUS = frozenset({("status",)})
RESET_SPEC = frozenset({("spec",)})

# What a status update may not change in metadata either, for the kinds that say so.
_METADATA = (
    "deletionTimestamp",
    "generation",
    "labels",
    "annotations",
    "finalizers",
    "ownerReferences",
)


def empty_status(type_name: str) -> Obj:
    """The status of a new object as it is written: required fields stand there empty."""
    field = types.get(type_name).fields["status"]
    assert field.shape is not None
    return structs.zero(field.shape)


def reset_status(type_name: str) -> Callable[[Obj], None]:
    """A prepare_create that drops whatever status the client sent."""

    def prepare_create(obj: Obj) -> None:
        obj["status"] = empty_status(type_name)

    return prepare_create


def keep(key: str) -> Callable[[Obj, Obj], None]:
    """A prepare_update that carries the part `key` of the object over."""

    def prepare_update(new: Obj, old: Obj) -> None:
        if key in old:
            new[key] = old[key]
        else:
            new.pop(key, None)

    return prepare_update


keep_status = keep("status")
keep_spec = keep("spec")


def keep_metadata(new: Obj, old: Obj) -> None:
    """Undo all changes of metadata but those of managedFields."""
    metadata, before = new["metadata"], old["metadata"]
    for key in _METADATA:
        if key in before:
            metadata[key] = before[key]
        else:
            metadata.pop(key, None)


def keep_spec_and_metadata(new: Obj, old: Obj) -> None:
    keep_spec(new, old)
    keep_metadata(new, old)


def _nothing(_: Obj) -> None:
    return None


def _valid_update(_new: Obj, _old: Obj) -> list[FieldError]:
    return []


def _no_warnings(_new: Obj, _old: Obj | None) -> list[str]:
    return []


def status_strategy(
    *,
    default: Callable[[Obj], None] = _nothing,
    prepare_update: Callable[[Obj, Obj], None] = keep_spec,
    validate_update: Callable[[Obj, Obj], list[FieldError]] = _valid_update,
    reset_fields: frozenset[tuple[str, ...]] = RESET_SPEC,
    metadata_checks: Sequence[str] = ("update",),
    warn: Callable[[Obj, Obj | None], list[str]] = _no_warnings,
) -> Strategy:
    """The strategy of a status subresource."""
    return Strategy(
        default=default,
        prepare_update=prepare_update,
        validate_update=validate_update,
        reset_fields=reset_fields,
        metadata_checks=metadata_checks,
        warn=warn,
    )
