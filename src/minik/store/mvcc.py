"""etcd's semantics over an engine: current values, revisions and watchers in memory, history on disk.

    txn -> evaluate -> commit.py -> engine.append -> publish: index, leases, recent changes, watchers; then the caller
            sees visible + staged    one fsync        in order of revision

A transaction is evaluated when it comes in, against the visible state plus what is staged before it, and gets its
revision then. Nobody sees it before it is durable (soft writes excepted, see commit.py). A range at an older revision
is the current range with the changes since then undone, so it costs what has changed, not what there is.
"""

import asyncio
import logging
import random
from collections.abc import Mapping, Sequence

from minik.store.commit import Committer, Staged
from minik.store.compaction import KEEP, Compactor
from minik.store.engine import Engine, Loaded, Stats, StoreClosedError
from minik.store.index import KeyIndex
from minik.store.lease import LONGEST_TTL, SHORTEST_TTL, Lessor
from minik.store.store import (
    CompactedError,
    Event,
    FutureRevisionError,
    KeyValue,
    LeaseStatus,
    Only,
    Range,
    RangeResult,
    StoreStatus,
    Txn,
    TxnResult,
)
from minik.store.transaction import Evaluation, check, past_ranges, trim
from minik.store.watch import Recent, Watcher, WatchIndex

log = logging.getLogger("minik.store")

SOFT_DELAY = 60.0  # seconds until soft writes go to disk when no commit takes them along: 20 MB a day when idle
HISTORY_CHUNK = 500  # events read from disk at once


class MvccStore:
    """See store.Store. Made by open.open_store, which also calls `start` and `close`."""

    def __init__(
        self, engine: Engine, loaded: Loaded, stats: Stats, *, soft_delay: float = SOFT_DELAY, keep: float = KEEP
    ) -> None:
        self.stats = stats
        self.recent = Recent(loaded.revision)
        self.watchers = WatchIndex()
        self._engine = engine
        self._index = KeyIndex(loaded.kvs)
        self._staged: dict[bytes, KeyValue] = {}  # newest staged value per key, version 0 for a deletion
        self._revision = loaded.revision
        self._compact_revision = loaded.compact_revision
        self._lost = list(loaded.lost)
        self._lessor = Lessor(loaded.leases, loaded.kvs)
        self._committer = Committer(
            engine, stats, loaded.revision, soft_delay=soft_delay, finish=self._finish, failed=self._void_staged
        )
        self._compactor = Compactor(self.compact, loaded.compact_revision, keep=keep)
        self._compactor.wrote(loaded.revision)
        self._compacting = asyncio.Lock()
        self._tasks: list[asyncio.Task[None]] = []

    # Life.

    def start(self) -> None:
        self._tasks = [
            asyncio.create_task(self._committer.run(), name="store-commit"),
            asyncio.create_task(self._lessor.run(self.lease_revoke), name="store-leases"),
            asyncio.create_task(self._compactor.run(), name="store-compaction"),
        ]

    async def wait(self) -> None:
        """Returns when the store is closed; raises when a part of it crashed, which nothing can go on after."""
        done, _ = await asyncio.wait(self._tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            if not task.cancelled():
                task.result()

    async def close(self) -> None:
        """Write what is pending, end the watches. The engine is closed by who opened it."""
        self._committer.close()
        for task in self._tasks[1:]:
            task.cancel()
        await asyncio.wait(self._tasks)
        for watcher in self.watchers.all():
            watcher.close()
        for task in self._tasks:
            if not task.cancelled() and (crash := task.exception()) is not None:
                log.error("%s crashed", task.get_name(), exc_info=crash)

    # Reading.

    @property
    def revision(self) -> int:
        return self._revision

    @property
    def compact_revision(self) -> int:
        return self._compact_revision

    def get(self, key: bytes) -> KeyValue | None:
        return self._index.get(key)

    def current(self, key: bytes, range_end: bytes, *, limit: int = 0) -> RangeResult:
        kvs = self._index.range(key, range_end, limit)
        count = self._index.count(key, range_end) if limit else len(kvs)
        return RangeResult(kvs, count, count > len(kvs), self._revision)

    async def range(self, request: Range) -> RangeResult:
        key, range_end, revision = request.key, request.range_end, request.revision
        if revision <= 0 or revision == self._revision:
            kvs = [] if request.count_only else self._index.range(key, range_end, request.limit)
            return trim(kvs, request, self._revision, self._index.count(key, range_end))
        undo: dict[bytes, KeyValue | None] = {}  # of each key changed since: what it was then
        after = revision
        self._check_readable(revision)
        while after < self.recent.floor:
            events, after = await self._engine.tail(key, range_end, after, self.recent.floor, HISTORY_CHUNK)
            self._check_readable(revision)
            for event in events:
                undo.setdefault(event.kv.key, event.prev_kv)
        for event in self.recent.after(after, key, range_end):
            undo.setdefault(event.kv.key, event.prev_kv)
        return self._rolled_back(request, undo)

    def _rolled_back(self, request: Range, undo: Mapping[bytes, KeyValue | None]) -> RangeResult:
        key, range_end = request.key, request.range_end
        kvs = self._index.range(key, range_end, request.limit + len(undo) if request.limit else 0)
        count = self._index.count(key, range_end)
        found = {kv.key: kv for kv in kvs}
        for changed, prev in undo.items():
            count += (prev is not None) - (self._index.get(changed) is not None)
            if prev is not None:
                found[changed] = prev
            else:
                found.pop(changed, None)
        return trim([found[each] for each in sorted(found)], request, self._revision, count)

    def _check_readable(self, revision: int) -> None:
        if revision > self._revision:
            raise FutureRevisionError(revision)
        if revision < self._compact_revision:
            raise CompactedError(self._compact_revision)
        self._check_not_lost(revision)

    def _check_not_lost(self, revision: int) -> None:
        for first, last in self._lost:
            if first <= revision <= last:
                raise CompactedError(last + 1)

    # Watching.

    def watch(
        self,
        key: bytes,
        range_end: bytes = b"",
        *,
        start_revision: int = 0,
        buffer: int = 4096,
        only: Only | None = None,
    ) -> Watcher:
        """Also raises StoreClosedError. The watch ends when the store closes."""
        if self._committer.closing:
            raise StoreClosedError("the store is closed")
        return Watcher(self, key, range_end, start_revision or self._revision + 1, buffer, only)

    async def read_history(self, key: bytes, range_end: bytes, after: int) -> tuple[Sequence[Event], int]:
        """For a watcher that is behind: changes after revision `after`, and the revision they are complete up to."""
        self._check_watchable(after)
        if after >= self.recent.floor:
            return (), after
        events, upto = await self._engine.tail(key, range_end, after, self.recent.floor, HISTORY_CHUNK)
        self._check_watchable(after)
        return events, upto

    def _check_watchable(self, after: int) -> None:
        if self._committer.closing:
            raise StoreClosedError("the store is closed")
        if after + 1 < self._compact_revision:
            raise CompactedError(self._compact_revision)
        self._check_not_lost(after)

    # Writing.

    async def txn(self, request: Txn, *, soft: bool = False) -> TxnResult:
        """Also raises KeyNotFoundError (ignore_value, ignore_lease), StoreWriteError, StoreClosedError."""
        check(request)
        past = await self._read_past(request)
        committer = self._committer
        evaluation = Evaluation(self._index, self._staged, committer.last_staged + 1, self._lessor, past)
        result = evaluation.run(request)
        events = evaluation.events
        if not events:
            if committer.waiting:  # it has seen what is not durable yet
                await committer.stage(Staged(committer.last_staged))
        elif soft and committer.stage_soft(evaluation.revision, events):
            self._publish(evaluation.revision, events)
        else:
            durable = committer.stage(Staged(evaluation.revision, events))
            self._staged.update(evaluation.own)
            await durable
        return result

    async def _read_past(self, request: Txn) -> dict[int, RangeResult] | None:
        ranges = past_ranges(request.success) + past_ranges(request.failure)
        return {id(each): await self.range(each) for each in ranges} if ranges else None

    async def flush(self) -> None:
        """Returns once everything acknowledged so far, soft writes included, is durable."""
        await self._committer.flush()

    def _finish(self, staged: Staged) -> None:
        if staged.granted is not None:
            self._lessor.grant(*staged.granted)
        if staged.events:
            for event in staged.events:
                if self._staged.get(event.kv.key) is event.kv:
                    del self._staged[event.kv.key]
            self._publish(staged.revision, staged.events)
        if staged.revoked:
            self._lessor.revoked(staged.revoked)

    def _publish(self, revision: int, events: Sequence[Event]) -> None:
        self._revision = revision
        for event in events:
            self._index.apply(event)
            self._lessor.apply(event)
        self.recent.add(revision, events, self._committer.durable)
        self.watchers.publish(events)
        self._compactor.wrote(revision)

    def _void_staged(self) -> None:
        self._staged.clear()
        self._lessor.void_staged()

    # Leases.

    async def lease_grant(self, ttl: int, lease_id: int = 0) -> int:
        """Raises LeaseExistsError; ValueError when the TTL is too long. Too short a TTL is raised to the shortest."""
        if ttl > LONGEST_TTL:
            raise ValueError(f"a lease lives at most {LONGEST_TTL} seconds, not {ttl}")
        while not lease_id:
            drawn = random.getrandbits(63)
            lease_id = 0 if drawn in self._lessor.ids() else drawn
        self._lessor.start_granting(lease_id)
        ttl = max(ttl, SHORTEST_TTL)
        await self._committer.stage(Staged(self._committer.last_staged, granted=(lease_id, ttl)))
        return lease_id

    async def lease_revoke(self, lease_id: int) -> None:
        """Raises LeaseNotFoundError."""
        keys = self._lessor.start_revoking(lease_id)
        keys.update(key for key, kv in self._staged.items() if kv.lease == lease_id)
        last = self._committer.last_staged
        evaluation = Evaluation(self._index, self._staged, last + 1, self._lessor)
        evaluation.delete_leased(sorted(keys), lease_id)
        revision = evaluation.revision if evaluation.events else last
        durable = self._committer.stage(Staged(revision, evaluation.events, revoked=lease_id))
        self._staged.update(evaluation.own)
        await durable

    async def lease_keep_alive(self, lease_id: int) -> int:
        """The TTL it starts over with. Raises LeaseNotFoundError."""
        return self._lessor.keep_alive(lease_id)

    def lease_status(self, lease_id: int) -> LeaseStatus:
        """Raises LeaseNotFoundError."""
        return self._lessor.status(lease_id)

    def leases(self) -> Sequence[int]:
        return self._lessor.ids()

    # Upkeep.

    async def compact(self, revision: int) -> None:
        """Raises CompactedError when that is done already, FutureRevisionError."""
        async with self._compacting:
            if revision <= self._compact_revision:
                raise CompactedError(self._compact_revision)
            if revision > self._revision:
                raise FutureRevisionError(revision)
            for first, last in self._lost:
                if first <= revision <= last:
                    revision = last + 1  # the oldest that can be read: the lost ones cannot
            if revision > self._committer.durable:
                await self.flush()
            await self._engine.compact(revision)
            self._compact_revision = revision
            self._lost = [(first, last) for first, last in self._lost if last >= revision]
            await self._engine.sweep()
            self.stats.compactions += 1

    async def snapshot(self, path: str) -> None:
        """Raises StoreWriteError."""
        await self.flush()
        await self._engine.snapshot(path)

    async def status(self) -> StoreStatus:
        size, in_use = await self._engine.size()
        return StoreStatus(self._revision, self._compact_revision, size, in_use, len(self._index))
