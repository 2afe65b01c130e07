"""The registry's way to the store: reads from memory, writes as compare-and-swap transactions.

Nothing here knows rules of the API; create.py, update.py and delete.py do.
"""

import asyncio
import time
from bisect import bisect_left
from collections.abc import Awaitable, Callable

from minik.api.scheme import Resource
from minik.server.apiserver.registry.keys import object_key
from minik.server.apiserver.registry.layout import Layout, Layouts, is_event
from minik.store.store import (
    Compare,
    Delete,
    KeyValue,
    LeaseNotFoundError,
    Put,
    PutResult,
    Store,
    Target,
    Txn,
)

EVENT_TTL = 3600  # seconds; 0: they stay, as with kube-apiserver --event-ttl
_BUCKET = 60  # seconds of Events that share one lease
WRITE_BUCKETS = (0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0, 1.25, 1.5, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 45, 60)


class Written:
    """How long writes took. `buckets` are not cumulative; the last one is +Inf."""

    __slots__ = ("buckets", "seconds")

    def __init__(self) -> None:
        self.seconds = 0.0
        self.buckets = [0] * (len(WRITE_BUCKETS) + 1)


class Storage:
    """Typed reads and writes of single objects over the store."""

    def __init__(
        self, store: Store, *, event_ttl: int = EVENT_TTL, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.store = store
        self.written: dict[tuple[str, str, str], Written] = {}  # by operation, group and plural
        self.layouts = Layouts()
        self._clock = clock
        self._event_ttl = event_ttl
        self._event_lease = 0
        self._granting = asyncio.Lock()
        self._event_lease_until = float("-inf")

    def layout(self, resource: Resource) -> Layout:
        return self.layouts.of(resource)

    def get(self, resource: Resource, namespace: str, name: str) -> KeyValue | None:
        return self.store.get(object_key(resource, namespace, name))

    async def insert(self, resource: Resource, key: bytes, value: bytes) -> KeyValue | None:
        """Write a new object. None: the key is taken."""
        absent = Compare(key, Target.VERSION, "=", 0)
        return await self._timed("create", resource, self._put(resource, absent, key, value, soft=False))

    async def replace(self, resource: Resource, old: KeyValue, value: bytes, *, soft: bool = False) -> KeyValue | None:
        """Write over `old`. None: it has changed or gone since it was read.

        `soft` writes are acknowledged before they are durable, as some kinds' renewals always are.
        """
        unchanged = Compare(old.key, Target.MOD, "=", old.mod_revision)
        soft = soft or _is_soft(resource, old.key)
        return await self._timed("update", resource, self._put(resource, unchanged, old.key, value, soft=soft))

    async def remove(self, old: KeyValue) -> int | None:
        """Delete `old` and return the revision of its deletion. None: it has changed or gone since it was read."""
        unchanged = Compare(old.key, Target.MOD, "=", old.mod_revision)
        result = await self.store.txn(Txn(compare=(unchanged,), success=(Delete(old.key),)))
        return result.revision if result.succeeded else None

    async def _timed(self, operation: str, resource: Resource, writing: Awaitable[KeyValue | None]) -> KeyValue | None:
        started = time.perf_counter()
        try:
            return await writing
        finally:
            key = (operation, resource.group, resource.plural)
            written = self.written.get(key)
            if written is None:
                written = self.written[key] = Written()
            seconds = time.perf_counter() - started
            written.seconds += seconds
            written.buckets[bisect_left(WRITE_BUCKETS, seconds)] += 1

    async def _put(
        self, resource: Resource, condition: Compare, key: bytes, value: bytes, *, soft: bool
    ) -> KeyValue | None:
        while True:
            lease = await self._lease(resource)
            put = Put(key, value, lease=lease)
            try:
                result = await self.store.txn(Txn(compare=(condition,), success=(put,)), soft=soft)
            except LeaseNotFoundError:
                self._event_lease_until = float("-inf")
                continue
            if not result.succeeded:
                return None
            done = result.results[0]
            assert isinstance(done, PutResult)
            return done.kv

    async def _lease(self, resource: Resource) -> int:
        """The lease an object is written under: Events live for a while, everything else for ever."""
        if not self._event_ttl or not is_event(resource):
            return 0
        if self._clock() >= self._event_lease_until:
            async with self._granting:
                if self._clock() >= self._event_lease_until:
                    self._event_lease = await self.store.lease_grant(self._event_ttl + _BUCKET)
                    self._event_lease_until = self._clock() + _BUCKET
        return self._event_lease


def _is_soft(resource: Resource, key: bytes) -> bool:
    """Renewals that may wait for the next commit: node Leases and repeated Events."""
    if is_event(resource):
        return True
    return resource.plural == "leases" and key.startswith(b"/registry/leases/kube-node-lease/")
