"""How many requests are served at once: reads and writes each have a limit, as kube-apiserver's
--max-requests-inflight and --max-mutating-requests-inflight. Who finds no place waits a while, then gets a 429.
"""

import asyncio
from collections import deque

from minik.api.status import too_many_requests

READS, WRITES = 400, 200
_PATIENCE = 15.0  # seconds in the queue
_READ_VERBS = frozenset({"get", "list", "head", "options"})


class InFlight:
    """A counting gate. The way in without waiting costs a comparison."""

    __slots__ = ("_limit", "_waiting", "running")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self.running = 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def enter(self) -> None:
        """Raises StatusError 429 after waiting in vain."""
        if self.running < self._limit and not self._waiting:
            self.running += 1
            return
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(place)
        try:
            async with asyncio.timeout(_PATIENCE):
                await place
        except TimeoutError:
            raise too_many_requests("too many requests, please try again later", 1) from None
        finally:
            if not place.done() or place.cancelled():
                self._forget(place)

    def leave(self) -> None:
        """Hand the place to the next one waiting, or give it up."""
        while self._waiting:
            place = self._waiting.popleft()
            if not place.done():
                place.set_result(None)
                return
        self.running -= 1

    def _forget(self, place: asyncio.Future[None]) -> None:
        if place in self._waiting:
            self._waiting.remove(place)


class FlowControl:
    """The two gates. Long-running requests (watches, streams) and callers in this process do not count."""

    def __init__(self, reads: int = READS, writes: int = WRITES) -> None:
        self.reads = InFlight(reads)
        self.writes = InFlight(writes)

    def gate(self, verb: str) -> InFlight:
        return self.reads if verb in _READ_VERBS else self.writes
