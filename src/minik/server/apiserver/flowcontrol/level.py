"""One priority level: its seats, and the queues of those who wait for one.

Requests of one flow share a hand of queues (shuffle sharding), so that a flow that floods fills its own queues and
hardly anyone else's. Queues take turns by start-time fair queueing.
https://kubernetes.io/docs/concepts/cluster-administration/flow-control/#shuffle-sharding
"""

import asyncio
import hashlib
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence

from minik.api.types import Obj

QUEUE_FULL, NO_SEAT, TIME_OUT = "queue-full", "concurrency-limit", "time-out"


class Rejected(Exception):
    """The request is turned away. `reason` is the label of apiserver_flowcontrol_rejected_requests_total."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Settings:
    """What a PriorityLevelConfiguration says. `queues` 0: whoever finds no seat is turned away."""

    __slots__ = ("borrowable_percent", "exempt", "hand", "lendable_percent", "length", "queues", "shares", "uid")

    def __init__(self, configuration: Obj) -> None:
        spec = configuration["spec"]
        self.uid: str = configuration["metadata"].get("uid", "")
        self.exempt: bool = spec["type"] == "Exempt"
        limited = (spec.get("exempt") if self.exempt else spec.get("limited")) or {}
        self.shares = _or(limited.get("nominalConcurrencyShares"), 0 if self.exempt else 30)
        self.lendable_percent = _or(limited.get("lendablePercent"), 0)
        self.borrowable_percent: int | None = None if self.exempt else limited.get("borrowingLimitPercent")
        queuing = (limited.get("limitResponse") or {}).get("queuing") or {}
        self.queues = _or(queuing.get("queues"), 64) if queuing else 0
        self.hand = _or(queuing.get("handSize"), 8)
        self.length = _or(queuing.get("queueLengthLimit"), 50)


def _or(value: int | None, default: int) -> int:
    return default if value is None else value


class Waiting:
    """One request in a queue. `flow` is whose it is; debugging shows it."""

    __slots__ = ("flow", "place", "seats", "since", "start")

    def __init__(self, start: int, seats: int, place: "asyncio.Future[None]", flow: object) -> None:
        self.start = start  # virtual
        self.seats = seats
        self.place = place
        self.flow = flow
        self.since = time.time()


class _Queue:
    __slots__ = ("last_start", "waiting")

    def __init__(self) -> None:
        self.waiting: deque[Waiting] = deque()
        self.last_start = 0


class Level:
    """`seats` are taken at once. Taking one when nobody waits costs a comparison.

    `borrow` says whether seats other levels do not need can be had on top. `executing` requests have `running` seats,
    `waiting` ones wait for theirs.
    """

    def __init__(self, name: str, settings: Settings, borrow: Callable[["Level", int], bool]) -> None:
        self.name = name
        self.settings = settings
        self.seats = 1
        self.lendable = 0
        self.borrowable: int | None = None
        self.running = 0
        self.executing = 0
        self.waiting = 0
        self.waiting_seats = 0
        self.dispatched = 0
        self.rejected: dict[str, int] = {}
        self.cancelled = 0
        self._borrow = borrow
        self._virtual = 0
        self._queues: dict[int, _Queue] = {}  # those that somebody waits in

    def enter(self, seats: int = 1) -> bool:
        """Take seats if there are enough and nobody waits for them."""
        if self.settings.exempt or (not self.waiting and self._has(seats)):
            self.running += seats
            self.executing += 1
            self.dispatched += 1
            return True
        return False

    def _has(self, seats: int) -> bool:
        """A request that is too wide for the level is served alone."""
        return self.running + seats <= self.seats or not self.running or self._borrow(self, seats)

    async def wait(self, flow: Sequence[int], patience: float, seats: int = 1, of: object = None) -> None:
        """Wait for seats in one of the queues of `flow`. Raises Rejected."""
        if not self.settings.queues:
            raise self._turned_away(NO_SEAT)
        number = min(flow, key=self._length)
        if self._length(number) >= self.settings.length:
            raise self._turned_away(QUEUE_FULL)
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        queue = self._queues.setdefault(number, _Queue())
        queue.last_start = max(self._virtual, queue.last_start + seats)
        entry = Waiting(queue.last_start, seats, place, of)
        queue.waiting.append(entry)
        self.waiting += 1
        self.waiting_seats += seats
        served = False
        try:
            async with asyncio.timeout(patience):
                await place
            served = True
        except TimeoutError:
            raise self._turned_away(TIME_OUT) from None
        finally:
            if not served:
                self._give_up(number, entry)

    def _turned_away(self, reason: str) -> Rejected:
        self.rejected[reason] = self.rejected.get(reason, 0) + 1
        return Rejected(reason)

    def leave(self, seats: int = 1) -> None:
        """Give seats up, and to whoever is next."""
        self.executing -= 1
        self.give_back(seats)

    def give_back(self, seats: int) -> None:
        self.running -= seats
        if self.waiting:
            self.hand_out()

    def hand_out(self) -> None:
        """Let those who wait have the seats that are free."""
        while self.waiting:
            number, queue = min(self._queues.items(), key=lambda item: item[1].waiting[0].start)
            if not self._has(queue.waiting[0].seats):
                return
            entry = queue.waiting.popleft()
            self._took(number, queue, entry)
            self._virtual = max(self._virtual, entry.start)
            if not entry.place.done():
                self.running += entry.seats
                self.executing += 1
                self.dispatched += 1
                entry.place.set_result(None)

    def queues(self) -> Iterator[tuple[int, Sequence[Waiting], int]]:
        """(number, who waits there, virtual start of the first) of the queues in use."""
        for number, queue in sorted(self._queues.items()):
            yield number, tuple(queue.waiting), queue.waiting[0].start

    def _give_up(self, number: int, entry: Waiting) -> None:
        queue = self._queues.get(number)
        if queue is not None and entry in queue.waiting:
            queue.waiting.remove(entry)
            self._took(number, queue, entry)
            self.cancelled += 1
        elif entry.place.done() and not entry.place.cancelled():
            self.leave(entry.seats)  # the seats came too late

    def _took(self, number: int, queue: _Queue, entry: Waiting) -> None:
        self.waiting -= 1
        self.waiting_seats -= entry.seats
        if not queue.waiting:
            del self._queues[number]

    def _length(self, number: int) -> int:
        queue = self._queues.get(number)
        return 0 if queue is None else len(queue.waiting)


def hand(schema: str, distinguisher: str, settings: Settings) -> tuple[int, ...]:
    """The queues of a flow: `hand` different ones out of `queues`, the same ones each time."""
    if not settings.queues:
        return ()
    digest = hashlib.sha256(f"{len(schema)},{schema}{distinguisher}".encode()).digest()
    number = int.from_bytes(digest[:8], "little")
    left = list(range(settings.queues))
    dealt = []
    for _ in range(min(settings.hand, settings.queues)):
        number, at = divmod(number, len(left))
        dealt.append(left.pop(at))
    return tuple(dealt)
