"""One priority level: its seats, and the queues of those who wait for one.

Requests of one flow share a hand of queues (shuffle sharding), so that a flow that floods fills its own queues and
hardly anyone else's. Queues take turns by start-time fair queueing.
https://kubernetes.io/docs/concepts/cluster-administration/flow-control/#shuffle-sharding
"""

import asyncio
import hashlib
from collections import deque
from collections.abc import Callable, Sequence

from minik.api.types import Obj

QUEUE_FULL, NO_SEAT, TIME_OUT = "queue-full", "concurrency-limit", "time-out"


class Rejected(Exception):
    """The request is turned away. `reason` is the label of apiserver_flowcontrol_rejected_requests_total."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Settings:
    """What a PriorityLevelConfiguration says. `queues` 0: whoever finds no seat is turned away."""

    __slots__ = ("exempt", "hand", "lendable_percent", "length", "queues", "shares", "uid")

    def __init__(self, configuration: Obj) -> None:
        spec = configuration["spec"]
        self.uid: str = configuration["metadata"].get("uid", "")
        self.exempt: bool = spec["type"] == "Exempt"
        limited = (spec.get("exempt") if self.exempt else spec.get("limited")) or {}
        self.shares = _or(limited.get("nominalConcurrencyShares"), 0 if self.exempt else 30)
        self.lendable_percent = _or(limited.get("lendablePercent"), 0)
        queuing = (limited.get("limitResponse") or {}).get("queuing") or {}
        self.queues = _or(queuing.get("queues"), 64) if queuing else 0
        self.hand = _or(queuing.get("handSize"), 8)
        self.length = _or(queuing.get("queueLengthLimit"), 50)


def _or(value: int | None, default: int) -> int:
    return default if value is None else value


class _Queue:
    __slots__ = ("last_start", "waiting")

    def __init__(self) -> None:
        self.waiting: deque[tuple[int, asyncio.Future[None]]] = deque()  # (virtual start, place)
        self.last_start = 0


class Level:
    """`seats` requests run at once. Taking a seat when nobody waits costs a comparison.

    `borrow` says whether a seat other levels do not need can be had on top.
    """

    def __init__(self, name: str, settings: Settings, borrow: Callable[["Level"], bool]) -> None:
        self.name = name
        self.settings = settings
        self.seats = 1
        self.lendable = 0
        self.running = 0
        self.waiting = 0
        self._borrow = borrow
        self._virtual = 0
        self._queues: dict[int, _Queue] = {}  # those that somebody waits in

    def enter(self) -> bool:
        """Take a seat if there is one and nobody waits for it."""
        if self.settings.exempt or (self.running < self.seats and not self.waiting):
            self.running += 1
            return True
        if not self.waiting and self._borrow(self):
            self.running += 1
            return True
        return False

    async def wait(self, flow: Sequence[int], patience: float) -> None:
        """Wait for a seat in one of the queues of `flow`. Raises Rejected."""
        if not self.settings.queues:
            raise Rejected(NO_SEAT)
        number = min(flow, key=self._length)
        if self._length(number) >= self.settings.length:
            raise Rejected(QUEUE_FULL)
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        queue = self._queues.setdefault(number, _Queue())
        queue.last_start = max(self._virtual, queue.last_start + 1)
        entry = (queue.last_start, place)
        queue.waiting.append(entry)
        self.waiting += 1
        try:
            async with asyncio.timeout(patience):
                await place
        except TimeoutError:
            self._give_up(number, entry)
            raise Rejected(TIME_OUT) from None
        except asyncio.CancelledError:
            self._give_up(number, entry)
            raise

    def leave(self) -> None:
        """Give the seat up, and to whoever is next."""
        self.running -= 1
        if self.waiting:
            self.hand_out()

    def hand_out(self) -> None:
        """Let those who wait have the seats that are free."""
        while self.waiting and (self.running < self.seats or self._borrow(self)):
            number, queue = min(self._queues.items(), key=lambda item: item[1].waiting[0][0])
            start, place = queue.waiting.popleft()
            self._took(number, queue)
            self._virtual = max(self._virtual, start)
            if not place.done():
                self.running += 1
                place.set_result(None)

    def _give_up(self, number: int, entry: tuple[int, asyncio.Future[None]]) -> None:
        queue = self._queues.get(number)
        if queue is not None and entry in queue.waiting:
            queue.waiting.remove(entry)
            self._took(number, queue)
        elif entry[1].done() and not entry[1].cancelled():
            self.leave()  # the seat came too late

    def _took(self, number: int, queue: _Queue) -> None:
        self.waiting -= 1
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
