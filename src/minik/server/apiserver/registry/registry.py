"""What the handlers of the registry lean on: the store, the scheme, admission and the clock.

The handlers are functions in the modules beside this one (get.py, list.py, create.py, ...), each taking the Registry
and one Call.
"""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Protocol

import orjson

from minik.api.scheme import Resource, Scheme
from minik.api.types import GVR, Obj
from minik.server.apiserver.admission.attributes import Admission
from minik.server.apiserver.attributes import Authorize
from minik.server.apiserver.registry.feed import Feeds
from minik.server.apiserver.registry.keys import storage_prefix
from minik.server.apiserver.registry.layout import Layout
from minik.server.apiserver.registry.storage import Storage
from minik.server.apiserver.registry.watch_event_counts import WatchEventCounts
from minik.store.store import KeyValue, Watch, prefix_end


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


class Converter(Protocol):
    """Translates objects of custom resources whose definition names a conversion webhook."""

    async def convert(self, resource: Resource, objects: Sequence[Obj], api_version: str) -> list[Obj]:
        """Raises StatusError."""
        ...


@dataclass(slots=True, kw_only=True)
class Registry:
    """Shared by every handler; one per server."""

    storage: Storage
    scheme: Scheme
    admission: Admission
    authorize: Authorize | None = None  # None: everyone may do everything
    now: Callable[[], datetime] = _utc_now
    allocators: dict[tuple[str, str], Allocator] = field(default_factory=dict)  # by group and plural
    converter: Converter | None = None
    feeds: Feeds = field(default_factory=Feeds)
    # by group and plural: waits until a new object has taken effect, so that what follows it finds it so
    effects: dict[tuple[str, str], Callable[[Obj], Awaitable[None]]] = field(default_factory=dict)
    watch_counts: dict[GVR, int] = field(default_factory=dict)  # those that are running
    watch_events: WatchEventCounts = field(default_factory=WatchEventCounts)
    _watches: dict[int, set[Watch]] = field(default_factory=dict)  # of custom resources, by the resource's id

    def layout(self, resource: Resource) -> Layout:
        return self.storage.layouts.of(resource)

    def watching(self, resource: Resource, watch: Watch) -> Callable[[], None]:
        """Remember a watch of a custom resource, to be ended with it. Returns what forgets it."""
        watches = self._watches.setdefault(id(resource), set())
        watches.add(watch)
        return lambda: watches.discard(watch)

    def object_count(self, group: str, version: str, plural: str) -> int:
        """How many objects of a resource there are, in all namespaces."""
        resource = self.scheme.get(group, version, plural)
        if resource is None:
            return 0
        prefix = storage_prefix(resource)
        return self.storage.store.current(prefix, prefix_end(prefix), limit=1).count

    def watcher_count(self, group: str, version: str, plural: str) -> int:
        """How many watches of a resource are running."""
        return self.watch_counts.get(GVR(group, version, plural), 0)

    def retire(self, resource: Resource) -> None:
        """The resource is not served any more, or not like this: its watches end."""
        for watch in self._watches.pop(id(resource), ()):
            watch.close()
        self.storage.layouts.forget(resource)

    def succeed(self, resource: Resource, successor: Resource) -> None:
        """The successor serves the same objects in the same way: watches go on, and end when it retires."""
        if watches := self._watches.pop(id(resource), None):
            self._watches[id(successor)] = watches
        self.storage.layouts.forget(resource)

    async def readable(self, resource: Resource, kvs: Iterable[KeyValue]) -> None:
        """Make values ready to be decoded, where only a webhook can. Raises StatusError."""
        if resource.converted_by is None or self.converter is None:
            return
        layout = self.layout(resource)
        pending = layout.unconverted(kvs)
        if not pending:
            return
        stored = [orjson.loads(kv.value) for kv in pending]
        for kv, obj in zip(pending, stored, strict=True):
            obj["metadata"]["resourceVersion"] = str(kv.mod_revision)
        by_version: dict[str, list[int]] = {}
        for place, obj in enumerate(stored):
            by_version.setdefault(obj["apiVersion"], []).append(place)
        for places in by_version.values():
            objects = [stored[place] for place in places]
            converted = await self.converter.convert(resource, objects, resource.api_version)
            for place, obj in zip(places, converted, strict=True):
                layout.keep(pending[place], obj)

    async def encoded(self, resource: Resource, obj: Obj) -> bytes:
        """The value to store for an object. Raises StatusError."""
        layout = self.layout(resource)
        stored = resource.storage or resource.gvr
        if resource.converted_by is None or self.converter is None or layout.spliced:
            return layout.encode(obj)
        converted = await self.converter.convert(resource, [obj], stored.api_version)
        return layout.encode_stored(converted[0])

    def allocator(self, resource: Resource) -> Allocator | None:
        return self.allocators.get((resource.group, resource.plural)) if self.allocators else None
