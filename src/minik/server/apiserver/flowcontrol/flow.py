"""Requests of one kind, by one user: where they belong, and what has happened to those of their FlowSchema."""

import asyncio
import time
from bisect import bisect_left
from collections.abc import Mapping, Sequence

from minik.server.apiserver.flowcontrol.level import Level, Rejected
from minik.server.apiserver.flowcontrol.work_estimate import WorkEstimate, most_seats
from minik.server.apiserver.request_info import RequestInfo

READS = frozenset({"get", "list", "watch", "head", "options", ""})  # verbs; everything else may change something
WAIT_BUCKETS = (0.0, 0.005, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 15.0, 30.0)


class Counts:
    """What happened to the requests of one FlowSchema. `waits` of those that waited and were served."""

    __slots__ = ("dispatched", "executing", "queued", "rejected", "seats", "waited", "waits", "writing")

    def __init__(self) -> None:
        self.dispatched = 0
        self.executing = 0
        self.writing = 0  # of those that are executing
        self.seats = 0
        self.queued = 0
        self.waited = 0.0
        self.waits = [0] * (len(WAIT_BUCKETS) + 1)
        self.rejected: dict[str, int] = {}


class Flow:
    """`uids` go into the answer's headers: FlowSchema's, priority level's; None for none."""

    __slots__ = ("_estimate", "_writes", "counts", "info", "level", "patience", "queues", "schema", "uids", "user")

    def __init__(
        self,
        schema: str,
        level: Level,
        queues: tuple[int, ...],
        uids: tuple[str, str] | None,
        counts: Counts,
        *,
        info: RequestInfo,
        user: str,
        patience: float,
        estimate: WorkEstimate | None = None,
    ) -> None:
        self.schema = schema
        self.level = level
        self.queues = queues
        self.uids = uids
        self.counts = counts
        self.info = info
        self.user = user
        self.patience = patience
        wide = estimate is not None and not level.settings.exempt and estimate.is_wide(info)
        self._estimate = estimate if wide else None
        self._writes = info.verb not in READS

    async def enter(self, query: Mapping[str, Sequence[str]]) -> int:
        """Take seats, and return how many; give them back with `leave`. Raises Rejected."""
        level, counts = self.level, self.counts
        seats = 1
        if self._estimate is not None:
            seats = self._estimate.seats(self.info, query, most_seats(level.seats))
        if not level.enter(seats):
            await self._wait(seats)
        counts.dispatched += 1
        counts.executing += 1
        counts.seats += seats
        if self._writes:
            counts.writing += 1
        return seats

    def passes(self) -> bool:
        """Whether there is a seat right now; counts a request that is answered at once and needs none for longer."""
        level = self.level
        if not level.enter():
            return False
        level.leave()
        self.counts.dispatched += 1
        return True

    async def _wait(self, seats: int) -> None:
        counts = self.counts
        started = time.monotonic()
        counts.queued += 1
        try:
            await self.level.wait(self.queues, self.patience, seats, self)
        except Rejected as rejected:
            counts.rejected[rejected.reason] = counts.rejected.get(rejected.reason, 0) + 1
            raise
        finally:
            counts.queued -= 1
        seconds = time.monotonic() - started
        counts.waited += seconds
        counts.waits[bisect_left(WAIT_BUCKETS, seconds)] += 1

    def leave(self, seats: int) -> None:
        counts = self.counts
        counts.executing -= 1
        counts.seats -= seats
        if self._writes:
            counts.writing -= 1
        level = self.level
        if self._estimate is not None:
            more, seconds = self._estimate.after(self.info, most_seats(level.seats))
            if more:
                level.running += more
                asyncio.get_running_loop().call_later(seconds, level.give_back, more)
        level.leave(seats)
