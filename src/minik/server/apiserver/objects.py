"""What the API server itself reads of its own objects: straight from the store's memory, without a request.

Authentication, authorization and admission look objects up on every request; `Objects` answers from the store's
current state, decoding each value once. `Objects.follow` keeps an index (RBAC, the node graph) in step with it.
Everything handed out is shared and read-only.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Protocol

from minik.api.scheme import Resource, Scheme
from minik.api.types import GVR, Obj
from minik.server.apiserver.registry.keys import collection_prefix, object_key, storage_prefix
from minik.server.apiserver.registry.layout import Layouts
from minik.store.store import CompactedError, EventType, SlowWatcherError, Store, prefix_end

log = logging.getLogger("minik.apiserver.objects")

OnChange = Callable[[GVR, Obj | None, Obj | None], None]
"""Called in order: (resource, new object, None) for what is there or changed, (resource, None, last) for deletions."""


class Reader(Protocol):
    """The part of `Objects` that decisions need; tests give a dict instead."""

    def get(self, resource: GVR, name: str, namespace: str = "") -> Obj | None: ...

    def list(self, resource: GVR, namespace: str = "") -> Sequence[Obj]: ...

    async def wait_for(self, resource: GVR, name: str, namespace: str, seconds: float) -> Obj | None:
        """The object, waiting that long for its creation if it is not there yet."""
        ...


class Objects:
    """Synchronous reads of the current state. An unknown resource has no objects."""

    def __init__(self, store: Store, scheme: Scheme, layouts: Layouts) -> None:
        self._store = store
        self._scheme = scheme
        self._layouts = layouts

    def get(self, resource: GVR, name: str, namespace: str = "") -> Obj | None:
        known = self._scheme.get(*resource)
        if known is None:
            return None
        kv = self._store.get(object_key(known, namespace, name))
        return None if kv is None else self._layouts.of(known).decode(kv)

    def list(self, resource: GVR, namespace: str = "") -> Sequence[Obj]:
        """Sorted by namespace and name; `namespace` "" means all of them."""
        known = self._scheme.get(*resource)
        if known is None:
            return ()
        prefix = collection_prefix(known, namespace)
        decode = self._layouts.of(known).decode
        return [decode(kv) for kv in self._store.current(prefix, prefix_end(prefix)).kvs]

    async def wait_for(self, resource: GVR, name: str, namespace: str, seconds: float) -> Obj | None:
        found = self.get(resource, name, namespace)
        known = self._scheme.get(*resource)
        if found is not None or known is None:
            return found
        watch = self._store.watch(object_key(known, namespace, name))
        try:
            async with asyncio.timeout(seconds):
                async for batch in watch:
                    for event in batch:
                        if event.type is EventType.PUT:
                            return self._layouts.of(known).decode(event.kv)
        except TimeoutError:
            pass
        finally:
            watch.close()
        return None

    async def follow(
        self,
        resources: Sequence[GVR],
        on_reset: Callable[[], None],
        on_change: OnChange,
        ready: asyncio.Event | None = None,
    ) -> None:
        """Call back for everything there is, then for every change, until cancelled.

        `on_reset` comes first, and again whenever the watch had to start over.
        """
        ready = ready or asyncio.Event()
        known = [found for resource in resources if (found := self._scheme.get(*resource)) is not None]
        while True:
            on_reset()
            revision = self._store.revision
            for resource in known:
                for obj in self.list(resource.gvr):
                    on_change(resource.gvr, obj, None)
            ready.set()
            async with asyncio.TaskGroup() as tasks:
                restart = asyncio.Event()
                followers = [
                    tasks.create_task(self._follow_one(resource, revision + 1, on_change, restart))
                    for resource in known
                ]
                await restart.wait()
                for follower in followers:
                    follower.cancel()

    async def _follow_one(self, resource: Resource, revision: int, on_change: OnChange, restart: asyncio.Event) -> None:
        prefix = storage_prefix(resource)
        watch = self._store.watch(prefix, prefix_end(prefix), start_revision=revision)
        decode = self._layouts.of(resource).decode
        try:
            async for batch in watch:
                for event in batch:
                    if event.type is EventType.PUT:
                        on_change(resource.gvr, decode(event.kv), None)
                    elif event.prev_kv is not None:
                        on_change(resource.gvr, None, decode(event.prev_kv))
        except (CompactedError, SlowWatcherError) as error:
            log.info("reading %s again: %s", resource.plural, error)
        finally:
            watch.close()
        restart.set()
