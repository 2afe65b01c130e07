"""A queue of keys for level-triggered work (client-go's workqueue).

A key waits at most once, is handed to one worker at a time, and when it is added while being worked on it comes again
afterwards. Delayed keys wait on one heap behind one timer; an idle queue costs nothing.
"""

import asyncio
import heapq
from bisect import bisect_left
from collections import deque

from minik.client.clock import Clock, SystemClock, Timer

BOUNDS = tuple(10.0**power for power in range(-8, 4))  # seconds
FIRST_BACKOFF, LONGEST_BACKOFF = 0.005, 1000.0  # seconds; client-go's DefaultControllerRateLimiter


class Durations:
    """How often, how long in all, and how often up to each bound; bounds are powers of ten."""

    __slots__ = ("buckets", "seconds")

    def __init__(self) -> None:
        self.seconds = 0.0
        self.buckets = [0] * (len(BOUNDS) + 1)

    def add(self, seconds: float) -> None:
        self.seconds += seconds
        self.buckets[bisect_left(BOUNDS, seconds)] += 1


class WorkQueue:
    """Used from one event loop. `adds` and `retries_total` count for metrics; `len()` is the depth."""

    def __init__(
        self,
        clock: Clock | None = None,
        *,
        first_backoff: float = FIRST_BACKOFF,
        longest_backoff: float = LONGEST_BACKOFF,
    ) -> None:
        self._clock = clock or SystemClock()
        self._first_backoff, self._longest_backoff = first_backoff, longest_backoff
        self._waiting: deque[str] = deque()
        self._dirty: set[str] = set()  # wants work: waiting, or added again while being worked on
        self._working: set[str] = set()
        self._getters: deque[asyncio.Future[None]] = deque()
        self._failures: dict[str, int] = {}
        self._due: dict[str, float] = {}  # delayed key -> when; the heap may hold stale entries
        self._heap: list[tuple[float, str]] = []
        self._timer: Timer | None = None
        self._timer_at = 0.0
        self._since: dict[str, float] = {}  # when what waits was added
        self._started: dict[str, float] = {}  # when work on it began
        self.waited, self.worked = Durations(), Durations()
        self.adds = 0
        self.retries_total = 0

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, key: str) -> None:
        if key in self._dirty:
            return
        self.adds += 1
        self._dirty.add(key)
        self._since[key] = self._clock.monotonic()
        if key not in self._working:
            self._offer(key)

    def add_after(self, key: str, seconds: float) -> None:
        """Add the key later. Of several delays for one key the earliest counts."""
        if seconds <= 0:
            self.add(key)
            return
        when = self._clock.monotonic() + seconds
        if key in self._due and self._due[key] <= when:
            return
        self._due[key] = when
        heapq.heappush(self._heap, (when, key))
        self._arm()

    def add_rate_limited(self, key: str) -> None:
        """Add the key after its own backoff, which doubles until `forget`."""
        failures = self._failures.get(key, 0)
        self._failures[key] = failures + 1
        self.retries_total += 1
        self.add_after(key, min(self._first_backoff * 2 ** min(failures, 60), self._longest_backoff))

    def forget(self, key: str) -> None:
        """The key succeeded, or is given up: its next failure starts with the first backoff."""
        self._failures.pop(key, None)

    def unfinished(self) -> tuple[float, float]:
        """Seconds that work has taken which has not ended yet: of all together, and of the longest."""
        now = self._clock.monotonic()
        running = [now - started for started in self._started.values()]
        return sum(running), max(running, default=0.0)

    def failures(self, key: str) -> int:
        return self._failures.get(key, 0)

    async def get(self) -> str:
        """The next key. The caller must call `done` with it."""
        while not self._waiting:
            getter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._getters.append(getter)
            try:
                await getter
            except asyncio.CancelledError:
                if getter in self._getters:
                    self._getters.remove(getter)
                elif not getter.cancelled():
                    self._wake_one()  # this wake-up was for a worker that is leaving
                raise
        key = self._waiting.popleft()
        self._dirty.discard(key)
        self._working.add(key)
        now = self._clock.monotonic()
        self._started[key] = now
        self.waited.add(now - self._since.pop(key, now))
        return key

    def done(self, key: str) -> None:
        self._working.discard(key)
        now = self._clock.monotonic()
        self.worked.add(now - self._started.pop(key, now))
        if key in self._dirty:
            self._offer(key)

    def _offer(self, key: str) -> None:
        self._waiting.append(key)
        self._wake_one()

    def _wake_one(self) -> None:
        while self._getters:
            getter = self._getters.popleft()
            if not getter.done():
                getter.set_result(None)
                return

    def _arm(self) -> None:
        if not self._heap:
            return
        when = self._heap[0][0]
        if self._timer is not None:
            if self._timer_at <= when:
                return
            self._timer.cancel()
        self._timer_at = when
        self._timer = self._clock.call_later(max(0.0, when - self._clock.monotonic()), self._ring)

    def _ring(self) -> None:
        self._timer = None
        now = self._clock.monotonic() + 0.001  # loop timers may ring a hair early
        while self._heap and self._heap[0][0] <= now:
            when, key = heapq.heappop(self._heap)
            if self._due.get(key) == when:
                del self._due[key]
                self.add(key)
        self._arm()
