"""etcd's semantics over an engine: current values, revisions, staged transactions and group commit, all in memory.

    txn -> evaluate -> queue --(all that waited)--> engine.append -> publish: index, watchers, then the callers
            sees visible + staged                    one fsync        in order of revision

A transaction is evaluated when it comes in, against the visible state plus what is staged before it, and gets its
revision then. Nobody sees it before it is durable. If a commit fails, everything staged fails with it, because it was
decided on top of what did not happen, and the revisions are free again: nobody has seen them.

Soft writes are the exception: published at once, written with the next commit or after `soft_delay`. That is possible
only while nothing staged is waiting (else they would overtake it; then they are ordinary writes of the next commit) and
only up to a revision reserved on disk beforehand. The engine opens a store that was not closed cleanly with the
revision after the reservation, and remembers the revisions between the last durable one and that as lost: a range at a
lost revision, or a watch that has seen one (it might have seen what never came to disk), gets CompactedError and its
client lists again. So no revision is ever handed out for two different states. A clean close gives the rest back.
"""

import asyncio
import logging
import random
from collections.abc import Iterable, Mapping, Sequence

from minik.store.compaction import KEEP, Compactor
from minik.store.engine import Batch, Engine, Loaded, Stats, StoreClosedError, StoreWriteError
from minik.store.index import KeyIndex
from minik.store.lease import LONGEST_TTL, Lessor
from minik.store.store import (
    CompactedError,
    Event,
    FutureRevisionError,
    KeyValue,
    LeaseExistsError,
    LeaseStatus,
    Range,
    RangeResult,
    StoreStatus,
    Txn,
    TxnResult,
)
from minik.store.transaction import Evaluation, check, past_ranges, trim
from minik.store.watch import Recent, Watcher, WatchIndex

log = logging.getLogger("minik.store")

SOFT_DELAY = 10.0  # seconds until soft writes go to disk when no commit takes them along
RESERVE = 10_000  # revisions reserved ahead for soft writes
MOST_UNSAVED = 10_000  # soft writes in memory only; beyond, they wait like others
LARGEST_BATCH = 2_000  # transactions in one commit
HISTORY_CHUNK = 500  # events read from disk at once


class _Staged:
    """A transaction on its way to disk, and who waits for it."""

    __slots__ = ("events", "future", "granted", "revision", "revoked")

    def __init__(
        self, revision: int, events: Sequence[Event], granted: tuple[int, int] | None = None, revoked: int = 0
    ) -> None:
        self.revision = revision
        self.events = events
        self.granted = granted
        self.revoked = revoked
        self.future: asyncio.Future[None] = asyncio.get_running_loop().create_future()


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
        self._revision = loaded.revision
        self._compact_revision = loaded.compact_revision
        self._lost = list(loaded.lost)
        self._lessor = Lessor(loaded.leases)
        for kv in loaded.kvs:
            if kv.lease:
                self._lessor.attach(kv.lease, kv.key)
        self._compactor = Compactor(self.compact, loaded.compact_revision, keep=keep)
        self._compacting = asyncio.Lock()

        self._last_staged = loaded.revision
        self._staged: dict[bytes, KeyValue] = {}  # newest staged value per key, version 0 for a deletion
        self._queue: list[_Staged] = []
        self._waiting = 0  # staged and not visible yet: queued or in the commit under way
        self._wake = asyncio.Event()

        self._soft_delay = soft_delay
        self._soft_timer: asyncio.TimerHandle | None = None
        self._soft_wanted = False
        self._unsaved: list[tuple[int, Sequence[Event]]] = []
        self._durable = loaded.revision
        self._reserved = 0

        self._closing = False
        self._tasks: list[asyncio.Task[None]] = []

    # Life.

    def start(self) -> None:
        self._tasks = [
            asyncio.create_task(self._write(), name="store-writer"),
            asyncio.create_task(self._lessor.run(self.lease_revoke), name="store-leases"),
            asyncio.create_task(self._compactor.run(), name="store-compaction"),
        ]
        self._compactor.wrote(self._revision)

    async def wait(self) -> None:
        """Returns when the store is closed; raises when a part of it crashed, which nothing can go on after."""
        done, _ = await asyncio.wait(self._tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            if not task.cancelled():
                task.result()

    async def close(self) -> None:
        """Write what is pending, end the watches. The engine is closed by who opened it."""
        self._closing = True
        writer, *others = self._tasks
        for task in others:
            task.cancel()
        self._wake.set()
        await asyncio.wait(self._tasks)
        for watcher in self.watchers.all():
            watcher.close()
        self._fail(StoreClosedError("the store is closed"))
        if not writer.cancelled() and (crash := writer.exception()) is not None:
            log.error("the store's writer crashed", exc_info=crash)

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
        undo: dict[bytes, KeyValue | None] = {}  # what each key changed since was then
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

    def watch(self, key: bytes, range_end: bytes = b"", *, start_revision: int = 0, buffer: int = 4096) -> Watcher:
        if self._closing:
            raise StoreClosedError("the store is closed")
        return Watcher(self, key, range_end, start_revision or self._revision + 1, buffer)

    async def read_history(self, key: bytes, range_end: bytes, after: int) -> tuple[Sequence[Event], int]:
        self._check_watchable(after)
        events, upto = await self._engine.tail(key, range_end, after, self.recent.floor, HISTORY_CHUNK)
        self._check_watchable(after)
        return events, upto

    def _check_watchable(self, after: int) -> None:
        if after + 1 < self._compact_revision:
            raise CompactedError(self._compact_revision)
        self._check_not_lost(after)

    # Writing.

    async def txn(self, request: Txn, *, soft: bool = False) -> TxnResult:
        check(request)
        past = await self._read_past(request)
        staged_revision = self._last_staged
        if self._closing:
            raise StoreClosedError("the store is closed")
        evaluation = Evaluation(self._index, self._staged, staged_revision + 1, self._lessor, past)
        result = evaluation.run(request)
        if not evaluation.events:
            if self._waiting:  # it has seen what is not durable yet
                await self._stage(_Staged(staged_revision, ()))
            return result
        if soft and self._publish_soft(evaluation):
            return result
        self._staged.update(evaluation.own)
        await self._stage(_Staged(evaluation.revision, evaluation.events))
        return result

    async def _read_past(self, request: Txn) -> dict[int, RangeResult] | None:
        ranges = past_ranges(request.success) + past_ranges(request.failure)
        return {id(each): await self.range(each) for each in ranges} if ranges else None

    def _stage(self, staged: _Staged) -> asyncio.Future[None]:
        self._last_staged = staged.revision
        self._queue.append(staged)
        self._waiting += 1
        self._wake.set()
        return staged.future

    def _publish_soft(self, evaluation: Evaluation) -> bool:
        self._soft_wanted = True
        if self._waiting or evaluation.revision > self._reserved or len(self._unsaved) >= MOST_UNSAVED:
            return False
        self._last_staged = evaluation.revision
        self._unsaved.append((evaluation.revision, evaluation.events))
        self._publish(evaluation.revision, evaluation.events)
        self.stats.soft_writes += 1
        if self._soft_timer is None:
            self._soft_timer = asyncio.get_running_loop().call_later(self._soft_delay, self._wake.set)
        return True

    async def _write(self) -> None:
        """The only one who appends. Runs until the store closes and everything is written."""
        while not self._closing or self._queue:
            await self._wake.wait()
            self._wake.clear()
            if self._queue or self._unsaved:
                await self._commit()
            if self._queue:
                self._wake.set()
                await asyncio.sleep(0)  # lets those just answered join the next commit
        if self._unsaved or self._reserved:
            self._soft_wanted = False
            await self._commit()

    async def _commit(self) -> None:
        queue, self._queue = self._queue[:LARGEST_BATCH], self._queue[LARGEST_BATCH:]
        unsaved, self._unsaved = self._unsaved, []
        if self._soft_timer is not None:
            self._soft_timer.cancel()
            self._soft_timer = None
        batch = _batch(unsaved, queue)
        top = batch.transactions[-1][0] if batch.transactions else self._revision
        batch.reserve = self._reservation(top)
        try:
            if batch.transactions or batch.granted or batch.revoked or batch.reserve is not None:
                await self._engine.append(batch)
        except Exception as error:
            self._unsaved = unsaved + self._unsaved
            self._commit_failed(queue, error)
            return
        if batch.reserve is not None:
            self._reserved = batch.reserve
        self._durable = max(self._durable, top)
        stats = self.stats
        stats.transactions += len(batch.transactions)
        stats.largest_batch = max(stats.largest_batch, len(batch.transactions))
        for staged in queue:
            self._finish(staged)
        self._compactor.wrote(self._revision)

    def _reservation(self, top: int) -> int | None:
        if self._soft_wanted:
            return top + RESERVE if self._reserved - top < RESERVE // 2 else None
        return 0 if self._reserved else None

    def _finish(self, staged: _Staged) -> None:
        if staged.granted is not None:
            self._lessor.grant(*staged.granted)
        if staged.events:
            for event in staged.events:
                if self._staged.get(event.kv.key) is event.kv:
                    del self._staged[event.kv.key]
            self._publish(staged.revision, staged.events)
        if staged.revoked:
            self._lessor.revoked(staged.revoked)
        self._waiting -= 1
        if not staged.future.done():
            staged.future.set_result(None)

    def _publish(self, revision: int, events: Sequence[Event]) -> None:
        self._revision = revision
        for event in events:
            self._index.apply(event)
            self._lessor.apply(event)
        self.recent.add(revision, events, self._durable)
        self.watchers.publish(events)

    def _commit_failed(self, queue: Iterable[_Staged], error: Exception) -> None:
        log.error("commit failed: %s", error)
        self.stats.failed_commits += 1
        if not isinstance(error, StoreWriteError):
            log.error("unexpected error of the engine", exc_info=error)
        self._queue = [*queue, *self._queue]
        self._fail(error)
        if self._unsaved and self._soft_timer is None and not self._closing:
            self._soft_timer = asyncio.get_running_loop().call_later(self._soft_delay, self._wake.set)

    def _fail(self, error: Exception) -> None:
        failed, self._queue = self._queue, []
        self._waiting -= len(failed)
        self._staged.clear()
        self._last_staged = self._revision
        self._lessor.revocations_failed()
        for staged in failed:
            if not staged.future.done():
                staged.future.set_exception(
                    StoreWriteError(str(error)) if isinstance(error, StoreWriteError) else error
                )

    async def flush(self) -> None:
        """Returns once everything acknowledged so far, soft writes included, is durable."""
        if self._unsaved or self._waiting:
            await self._stage(_Staged(self._last_staged, ()))

    # Leases.

    async def lease_grant(self, ttl: int, lease_id: int = 0) -> int:
        if ttl > LONGEST_TTL:
            raise ValueError(f"a lease lives at most {LONGEST_TTL} seconds, not {ttl}")
        if lease_id in self._lessor:
            raise LeaseExistsError(lease_id)
        while not lease_id or lease_id in self._lessor:
            lease_id = lease_id or random.getrandbits(63)
        ttl = max(ttl, 1)
        await self._stage(_Staged(self._last_staged, (), granted=(lease_id, ttl)))
        return lease_id

    async def lease_revoke(self, lease_id: int) -> None:
        keys = self._lessor.start_revoking(lease_id)
        keys.update(key for key, kv in self._staged.items() if kv.lease == lease_id)
        evaluation = Evaluation(self._index, self._staged, self._last_staged + 1, self._lessor)
        evaluation.delete_leased(sorted(keys), lease_id)
        self._staged.update(evaluation.own)
        revision = evaluation.revision if evaluation.events else self._last_staged
        await self._stage(_Staged(revision, evaluation.events, revoked=lease_id))

    async def lease_keep_alive(self, lease_id: int) -> int:
        return self._lessor.keep_alive(lease_id)

    def lease_status(self, lease_id: int) -> LeaseStatus:
        return self._lessor.status(lease_id)

    def leases(self) -> Sequence[int]:
        return self._lessor.ids()

    # Upkeep.

    async def compact(self, revision: int) -> None:
        """Raises CompactedError when that is done already, FutureRevisionError."""
        if revision <= self._compact_revision:
            raise CompactedError(self._compact_revision)
        if revision > self._revision:
            raise FutureRevisionError(revision)
        if revision > self._durable:
            await self.flush()
        self._compact_revision = max(revision, self._compact_revision)
        self._lost = [(first, last) for first, last in self._lost if last >= revision]
        async with self._compacting:
            await self._engine.compact(self._compact_revision)

    async def snapshot(self, path: str) -> None:
        await self.flush()
        await self._engine.snapshot(path)

    async def status(self) -> StoreStatus:
        size, in_use = await self._engine.size()
        return StoreStatus(self._revision, self._compact_revision, size, in_use, len(self._index))


def _batch(unsaved: Sequence[tuple[int, Sequence[Event]]], queue: Sequence[_Staged]) -> Batch:
    transactions = [*unsaved, *((staged.revision, staged.events) for staged in queue if staged.events)]
    granted = [staged.granted for staged in queue if staged.granted is not None]
    return Batch(transactions, granted, [staged.revoked for staged in queue if staged.revoked])
