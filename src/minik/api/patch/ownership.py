"""What a write does to the fields that others manage.

A field that a write adds or changes is taken from its managers; a field that it removes belongs to nobody any more.
An apply may take fields only with force: otherwise they are conflicts.
"""

from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import NamedTuple

from minik.api.patch import field_set, go_print, merge_types
from minik.api.patch.field_set import FieldSet, Path
from minik.api.patch.managers import UPDATE, ManagerId, Managers
from minik.api.patch.typed_sets import Comparison, collapsed, compare
from minik.api.schema.types import Shape
from minik.api.status import StatusError
from minik.api.types import Obj

# (object, API version) -> the object in that version and its type; None when the version is no longer served
Converter = Callable[[Obj, str], tuple[Obj, Shape] | None]

_UNMANAGED = ("name", "namespace", "creationTimestamp", "selfLink", "uid", "clusterName", "generation", "managedFields")
SERVER_FIELDS = field_set.named(
    ("apiVersion",),
    ("kind",),
    ("metadata",),
    ("metadata", "resourceVersion"),
    *(("metadata", name) for name in _UNMANAGED),
)


@lru_cache(maxsize=512)
def ignored_fields(reset_fields: frozenset[tuple[str, ...]]) -> FieldSet:
    """The set of a strategy's reset fields."""
    return field_set.named(*reset_fields)


def in_current_schema(managers: Managers, shape: Shape, api_version: str) -> Managers:
    """The managers with sets that fit the type as it is now. Only custom resources' types change."""
    if shape.name.startswith("io.k8s."):
        return managers
    of = merge_types.of_shape(shape)
    return {
        manager: owned.with_fields(collapsed(owned.fields, of)) if owned.api_version == api_version else owned
        for manager, owned in managers.items()
    }


class Conflict(NamedTuple):
    """A field that an apply wants to set to another value than its manager did."""

    manager: ManagerId
    path: Path


class Differences:
    """What a write changed, in the names of every API version that managers use.

    Without a converter, and for managers of the same version, the names of the written version count.
    """

    def __init__(
        self, old: Obj, new: Obj, shape: Shape, api_version: str, ignored: FieldSet, convert: Converter | None
    ) -> None:
        self._old, self._new, self._convert = old, new, convert
        self.all = compare(old, new, merge_types.of_shape(shape))
        self._relevant: dict[str, Comparison | None] = {api_version: self.all.without(ignored)}
        self._default = self._relevant[api_version]

    def in_version(self, api_version: str) -> Comparison | None:
        """The relevant differences; None when the version is gone."""
        if self._convert is None:
            return self._default
        if api_version not in self._relevant:
            self._relevant[api_version] = self._converted(self._convert, api_version)
        return self._relevant[api_version]

    def _converted(self, convert: Converter, api_version: str) -> Comparison | None:
        old, new = convert(self._old, api_version), convert(self._new, api_version)
        if old is None or new is None:
            return None
        return compare(old[0], new[0], merge_types.of_shape(new[1]))


def settle(managers: Managers, writer: ManagerId | None, differences: Differences) -> tuple[Managers, list[Conflict]]:
    """The managers after a write by `writer` took what it changed, and what it took from whom."""
    settled: Managers = {}
    conflicts: list[Conflict] = []
    for manager, owned in managers.items():
        if manager == writer:
            settled[manager] = owned
            continue
        found = differences.in_version(owned.api_version)
        if found is None:
            continue
        if not found:
            settled[manager] = owned
            continue
        taken = field_set.intersection(owned.fields, found.changed)
        conflicts += [Conflict(manager, path) for path in field_set.paths(taken)]
        rest = field_set.difference(field_set.difference(owned.fields, taken), found.removed)
        if rest == owned.fields:
            settled[manager] = owned
        elif rest:
            settled[manager] = owned.with_fields(rest)
    return settled, conflicts


def conflict_error(conflicts: Iterable[Conflict]) -> StatusError:
    """The 409 that names every conflicting field and its manager."""
    found = sorted(conflicts, key=lambda conflict: conflict.manager)
    causes = [
        {
            "reason": "FieldManagerConflict",
            "message": f"conflict with {_describe(conflict.manager)}",
            "field": field_set.show(conflict.path),
        }
        for conflict in found
    ]
    if len(found) == 1:
        text = f"Apply failed with 1 conflict: {causes[0]['message']}: {causes[0]['field']}"
        return StatusError(409, "Conflict", text, causes=causes)
    lines: list[str] = []
    for manager in dict.fromkeys(conflict.manager for conflict in found):
        lines.append(f"conflicts with {_describe(manager)}:")
        lines += [f"- {field_set.show(conflict.path)}" for conflict in found if conflict.manager == manager]
    text = f"Apply failed with {len(found)} conflicts: " + "\n".join(lines)
    return StatusError(409, "Conflict", text, causes=causes)


def _describe(manager: ManagerId) -> str:
    text = go_print.quoted(manager.manager)
    if manager.subresource:
        text += f" with subresource {go_print.quoted(manager.subresource)}"
    return f"{text} using {manager.api_version}" if manager.operation == UPDATE else text
