"""Group commit: whatever waits while a commit is under way goes into the next one, in order of revision.

    stage -> queue --(all that waited)--> engine.append -> finish each, which publishes it and answers its caller
                                          one fsync

If a commit fails, everything staged fails with it, because it was decided on top of what did not happen; its revisions
are free again, for nobody has seen them.

Soft writes are visible at once and written with the next commit or after `soft_delay`. That is possible only while
nothing staged is waiting (else they would overtake it; then they are ordinary writes of the next commit) and only up to
a revision reserved on disk beforehand. An engine that opens a store which was not closed cleanly goes on with the
revision after the reservation, and the revisions between the last durable one and that are lost: a range at a lost
revision, or a watch that has seen one (it may have seen what never came to disk), gets CompactedError, and its client
lists again. So no revision is ever handed out for two different states. A clean close gives the rest back.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence

from minik.store.engine import Batch, Engine, Stats, StoreClosedError, StoreWriteError
from minik.store.store import Event

log = logging.getLogger("minik.store")

RESERVE = 10_000  # revisions reserved ahead for soft writes
MOST_UNSAVED = 10_000  # soft writes in memory only; beyond, they wait like others
LARGEST_BATCH = 2_000  # transactions in one commit


class Staged:
    """A transaction on its way to disk, and who waits for it. Without events it only waits for those before it."""

    __slots__ = ("events", "future", "granted", "revision", "revoked")

    def __init__(
        self, revision: int, events: Sequence[Event] = (), granted: tuple[int, int] | None = None, revoked: int = 0
    ) -> None:
        self.revision = revision
        self.events = events
        self.granted = granted  # (lease, ttl)
        self.revoked = revoked  # lease
        self.future: asyncio.Future[None] = asyncio.get_running_loop().create_future()


class Committer:
    """`finish` is called for each transaction once it is durable, `failed` when everything staged is void."""

    def __init__(
        self,
        engine: Engine,
        stats: Stats,
        revision: int,
        *,
        soft_delay: float,
        finish: Callable[[Staged], None],
        failed: Callable[[], None],
    ) -> None:
        self._engine = engine
        self._stats = stats
        self._soft_delay = soft_delay
        self._finish = finish
        self._failed = failed
        self.durable = revision
        self.last_staged = revision
        self.closing = False
        self._visible = revision
        self._queue: list[Staged] = []
        self._in_flight: list[Staged] = []
        self._wake = asyncio.Event()
        self._reserved = 0
        self._soft_wanted = False
        self._soft_timer: asyncio.TimerHandle | None = None
        self._unsaved: list[tuple[int, Sequence[Event]]] = []

    @property
    def waiting(self) -> bool:
        """Something is staged and not visible yet."""
        return bool(self._queue or self._in_flight)

    def stage(self, staged: Staged) -> asyncio.Future[None]:
        """Raises StoreClosedError; the future StoreWriteError."""
        if self.closing:
            raise StoreClosedError("the store is closed")
        self.last_staged = staged.revision
        self._queue.append(staged)
        self._wake.set()
        return staged.future

    def stage_soft(self, revision: int, events: Sequence[Event]) -> bool:
        """Whether the change may be published now; if not, stage it."""
        self._soft_wanted = True
        if self.waiting or self.closing or revision > self._reserved or len(self._unsaved) >= MOST_UNSAVED:
            return False
        self.last_staged = self._visible = revision
        self._unsaved.append((revision, events))
        self._stats.soft_writes += 1
        self._arm_soft_timer()
        return True

    async def flush(self) -> None:
        """Returns once everything acknowledged so far, soft writes included, is durable."""
        if self._unsaved or self.waiting or self.durable < self._visible:
            await self.stage(Staged(self.last_staged))

    def close(self) -> None:
        """Nothing new is taken; `run` returns when everything is written."""
        self.closing = True
        self._wake.set()

    async def run(self) -> None:
        """The only one who appends. Never cancel it: a commit under way would be neither done nor undone."""
        try:
            while not self.closing or self._queue:
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
        finally:
            self.closing = True
            self._fail(StoreClosedError("the store is closed"))

    async def _commit(self) -> None:
        queue, self._queue = self._queue[:LARGEST_BATCH], self._queue[LARGEST_BATCH:]
        unsaved, self._unsaved = self._unsaved, []
        self._in_flight = queue
        self._disarm_soft_timer()
        batch = self._batch(unsaved, queue)
        try:
            if batch.transactions or batch.granted or batch.revoked or batch.reserve is not None:
                await self._engine.append(batch)
        except Exception as error:
            log.error("commit failed: %s", error, exc_info=not isinstance(error, StoreWriteError))
            self._stats.failed_commits += 1
            self._unsaved = unsaved + self._unsaved
            self._fail(error)
            if self._unsaved and not self.closing:
                self._arm_soft_timer()
            return
        self._committed(batch)
        for staged in queue:
            self._visible = staged.revision
            self._finish(staged)
            if not staged.future.done():
                staged.future.set_result(None)
        self._in_flight = []

    def _batch(self, unsaved: Sequence[tuple[int, Sequence[Event]]], queue: Sequence[Staged]) -> Batch:
        batch = Batch(
            [*unsaved, *((staged.revision, staged.events) for staged in queue if staged.events)],
            [staged.granted for staged in queue if staged.granted is not None],
            [staged.revoked for staged in queue if staged.revoked],
        )
        top = batch.transactions[-1][0] if batch.transactions else self.durable
        if not self._soft_wanted:
            batch.reserve = 0 if self._reserved else None
        elif self._reserved - top < RESERVE // 2:
            batch.reserve = top + RESERVE
        return batch

    def _committed(self, batch: Batch) -> None:
        if batch.reserve is not None:
            self._reserved = batch.reserve
        if batch.transactions:
            self.durable = batch.transactions[-1][0]
        self._stats.transactions += len(batch.transactions)
        self._stats.largest_batch = max(self._stats.largest_batch, len(batch.transactions))

    def _fail(self, error: Exception) -> None:
        """Everything staged is void. One exception a caller, as tracebacks grow on shared ones."""
        failed, self._queue, self._in_flight = self._in_flight + self._queue, [], []
        self.last_staged = self._visible
        self._failed()
        kind = type(error) if isinstance(error, (StoreWriteError, StoreClosedError)) else StoreWriteError
        for staged in failed:
            if not staged.future.done():
                staged.future.set_exception(kind(str(error)))

    def _arm_soft_timer(self) -> None:
        if self._soft_timer is None:
            self._soft_timer = asyncio.get_running_loop().call_later(self._soft_delay, self._wake.set)

    def _disarm_soft_timer(self) -> None:
        if self._soft_timer is not None:
            self._soft_timer.cancel()
            self._soft_timer = None
