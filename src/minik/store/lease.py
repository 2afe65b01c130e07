"""Leases: keys that live as long as someone keeps them alive.

Ids and TTLs are on disk, deadlines are not: after a restart every lease has its full TTL again, as in etcd. One heap of
deadlines and one timer; a keep-alive only moves a number, the heap notices when the old deadline comes up.
"""

import asyncio
import heapq
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping

from minik.store.store import Event, KeyValue, LeaseExistsError, LeaseNotFoundError, LeaseStatus

log = logging.getLogger("minik.store")

SHORTEST_TTL = 1  # seconds
LONGEST_TTL = 9_000_000_000  # seconds, etcd's lease.MaxLeaseTTL
RETRY = 1.0  # seconds until an expired lease is tried again when the disk refused


class _Lease:
    __slots__ = ("deadline", "keys", "ttl")

    def __init__(self, ttl: int, deadline: float) -> None:
        self.ttl = ttl
        self.deadline = deadline
        self.keys: set[bytes] = set()


class Lessor:
    """What is granted and which keys hang on it. Times are the event loop's."""

    def __init__(self, granted: Mapping[int, int], kvs: Iterable[KeyValue]) -> None:
        self._leases: dict[int, _Lease] = {}
        self._heap: list[tuple[float, int]] = []
        self._granting: set[int] = set()
        self._revoking: set[int] = set()
        self._earlier = asyncio.Event()  # the next deadline came closer
        for lease_id, ttl in granted.items():
            self.grant(lease_id, ttl)
        for kv in kvs:
            if kv.lease:
                self._attach(kv)

    def __contains__(self, lease_id: object) -> bool:
        """Whether keys may be hung on it."""
        return lease_id in self._leases and lease_id not in self._revoking

    def ids(self) -> list[int]:
        return sorted(self._leases)

    def start_granting(self, lease_id: int) -> None:
        if lease_id in self._leases or lease_id in self._granting:
            raise LeaseExistsError(lease_id)
        self._granting.add(lease_id)

    def grant(self, lease_id: int, ttl: int) -> None:
        self._granting.discard(lease_id)
        deadline = _now() + ttl
        self._leases[lease_id] = _Lease(ttl, deadline)
        self._schedule(deadline, lease_id)

    def start_revoking(self, lease_id: int) -> set[bytes]:
        """From here on the lease takes no keys and no keep-alives; the keys it has are to be deleted."""
        keys = self._find(lease_id).keys
        self._revoking.add(lease_id)
        return set(keys)

    def revoked(self, lease_id: int) -> None:
        self._revoking.discard(lease_id)
        self._leases.pop(lease_id, None)

    def void_staged(self) -> None:
        """What was being granted and revoked was not."""
        self._granting.clear()
        for lease_id in self._revoking:
            self._schedule(self._leases[lease_id].deadline, lease_id)
        self._revoking.clear()

    def keep_alive(self, lease_id: int) -> int:
        lease = self._find(lease_id)
        lease.deadline = _now() + lease.ttl
        return lease.ttl

    def status(self, lease_id: int) -> LeaseStatus:
        lease = self._find(lease_id)
        return LeaseStatus(lease_id, lease.ttl, max(lease.deadline - _now(), 0.0), sorted(lease.keys))

    def apply(self, event: Event) -> None:
        prev, kv = event.prev_kv, event.kv
        if prev is not None and prev.lease and prev.lease in self._leases:
            self._leases[prev.lease].keys.discard(kv.key)
        if kv.lease:
            self._attach(kv)

    def _attach(self, kv: KeyValue) -> None:
        if kv.lease in self._leases:
            self._leases[kv.lease].keys.add(kv.key)

    async def run(self, revoke: Callable[[int], Awaitable[None]]) -> None:
        """Revoke what expires, until cancelled."""
        while True:
            self._earlier.clear()
            try:
                async with asyncio.timeout_at(self._heap[0][0] if self._heap else None):
                    await self._earlier.wait()
            except TimeoutError:
                async with asyncio.TaskGroup() as group:  # together, so that they share a commit
                    for lease_id in self._pop_expired():
                        group.create_task(self._expire(lease_id, revoke))

    async def _expire(self, lease_id: int, revoke: Callable[[int], Awaitable[None]]) -> None:
        try:
            await revoke(lease_id)
        except LeaseNotFoundError:
            log.debug("lease %d was revoked while it expired", lease_id)
        except Exception:
            log.exception("cannot revoke expired lease %d, trying again", lease_id)
            self._schedule(_now() + RETRY, lease_id)

    def _pop_expired(self) -> list[int]:
        now, expired = _now(), []
        while self._heap and self._heap[0][0] <= now:
            _, lease_id = heapq.heappop(self._heap)
            lease = self._leases.get(lease_id)
            if lease is None:
                continue
            if lease.deadline > now:
                heapq.heappush(self._heap, (lease.deadline, lease_id))
            else:
                expired.append(lease_id)
        return expired

    def _find(self, lease_id: int) -> _Lease:
        if lease_id not in self:
            raise LeaseNotFoundError(lease_id)
        return self._leases[lease_id]

    def _schedule(self, deadline: float, lease_id: int) -> None:
        heapq.heappush(self._heap, (deadline, lease_id))
        if self._heap[0][0] == deadline:
            self._earlier.set()


def _now() -> float:
    return asyncio.get_running_loop().time()
