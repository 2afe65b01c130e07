"""What the handlers of the registry lean on: the store, the scheme, admission and the clock.

The handlers are functions in the modules beside this one (get.py, list.py, create.py, ...), each taking the Registry
and one Call.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Protocol

from minik.api.scheme import Resource, Scheme
from minik.api.types import Obj
from minik.server.apiserver.admission.attributes import Admission
from minik.server.apiserver.registry.layout import Layout
from minik.server.apiserver.registry.storage import Storage


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Allocator(Protocol):
    """Gives an object what is handed out cluster-wide (Service addresses and node ports).

    `old` is None on create. `allocate` changes `new` and raises StatusError; what it took is given back by
    `release_changes` when the write failed, and by `release` when the object is gone.
    """

    async def allocate(self, new: Obj, old: Obj | None, *, dry_run: bool) -> Callable[[], Awaitable[None]] | None:
        """Returns how to undo, should the write fail."""
        ...

    async def release(self, new: Obj | None, old: Obj) -> None:
        """Give back what `old` had and `new` (None: deleted) has not."""
        ...


@dataclass(slots=True, kw_only=True)
class Registry:
    """Shared by every handler; one per server."""

    storage: Storage
    scheme: Scheme
    admission: Admission
    now: Callable[[], datetime] = _utc_now
    allocators: dict[tuple[str, str], Allocator] = field(default_factory=dict)  # by group and plural

    def layout(self, resource: Resource) -> Layout:
        return self.storage.layouts.of(resource)

    def allocator(self, resource: Resource) -> Allocator | None:
        return self.allocators.get((resource.group, resource.plural)) if self.allocators else None
