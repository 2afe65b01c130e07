"""Pods that wait for a node: ready ones by priority, refused ones until something changes.

    add -> active --pop--> (a cycle) --refused--> unschedulable --an event its plugins care about--> backoff -> active

Backoff doubles from 1 s to 10 s; a Pod that nothing woke is tried again after 5 minutes. One timer, none while
nothing waits. Upstream: kubernetes/community, contributors/devel/sig-scheduling/scheduler_queues.md
"""

import asyncio
import heapq
import itertools
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

from minik.client.clock import Clock, Timer
from minik.server.scheduler.framework import Event
from minik.server.scheduler.node_info import PodInfo

FIRST_BACKOFF, LONGEST_BACKOFF = 1.0, 10.0  # seconds
LONGEST_WAIT = 300.0  # seconds in the unschedulable set

SortKey = Callable[[PodInfo, float], tuple[int, float]]


@dataclass(slots=True, eq=False)
class QueuedPod:
    """`wakers`: the events that may change a refusal. `last_move`: how many moves had happened at its pop."""

    pod: PodInfo
    added_at: float  # monotonic seconds
    attempts: int = 0
    wakers: frozenset[Event] = frozenset()
    last_move: int = 0
    retry_at: float = 0.0


class SchedulingQueue:
    """Keys are `namespace/name`. Not thread-safe: the scheduler's loop owns it."""

    def __init__(
        self, clock: Clock, sort_key: SortKey, first: float = FIRST_BACKOFF, longest: float = LONGEST_BACKOFF
    ) -> None:
        self._clock = clock
        self._first, self._longest = first, longest
        self._sort_key = sort_key
        self._sequence = itertools.count()
        self._active: list[tuple[tuple[int, float], int, QueuedPod]] = []
        self._backoff: list[tuple[float, int, QueuedPod]] = []
        self._unschedulable: dict[str, QueuedPod] = {}
        self._known: dict[str, QueuedPod] = {}  # everything here and in flight
        self._moves: list[frozenset[Event]] = []  # events since the oldest Pod in flight was popped
        self._forgotten_moves = 0
        self._in_flight: dict[str, QueuedPod] = {}
        self._not_empty = asyncio.Event()
        self._timer: Timer | None = None

    def __len__(self) -> int:
        return len(self._known)

    def add(self, pod: PodInfo) -> None:
        """A Pod without a node came or changed in a way that concerns scheduling."""
        known = self._known.get(pod.key)
        if known is None or known.pod.uid != pod.uid:
            self.remove(pod.key)
            known = self._known[pod.key] = QueuedPod(pod, self._clock.monotonic())
            self._activate(known)
            return
        known.pod = pod
        if pod.key in self._unschedulable and Event.POD_CHANGED in known.wakers:
            del self._unschedulable[pod.key]
            self._back_off(known)

    def refresh(self, pod: PodInfo) -> None:
        """A newer version of a Pod that waits here, with nothing that concerns scheduling."""
        known = self._known.get(pod.key)
        if known is not None and known.pod.uid == pod.uid:
            known.pod = pod

    def remove(self, key: str) -> None:
        """The Pod went or got a node. Entries left in the heaps are skipped when they come up."""
        self._known.pop(key, None)
        self._unschedulable.pop(key, None)

    def describe(self, key: str) -> dict[str, Any]:
        """Where the Pod is, for people: `state`, and what it waits for; a Pod that is not here is gated."""
        queued = self._known.get(key)
        if queued is None:
            return {"state": "gated"}
        found: dict[str, Any] = {"state": "active", "attempts": queued.attempts}
        if key in self._in_flight:
            return found | {"state": "in a scheduling cycle"}
        if key in self._unschedulable:
            left = max(0.0, queued.retry_at - self._clock.monotonic())
            return found | {"state": "unschedulable", "events": sorted(e.value for e in queued.wakers), "seconds": left}
        for until, _, waiting in self._backoff:
            if waiting is queued:
                return found | {"state": "backoff", "seconds": max(0.0, until - self._clock.monotonic())}
        return found

    async def pop(self) -> QueuedPod:
        """The next Pod to schedule; the caller ends its cycle with `done` or `refuse`."""
        while True:
            while self._active:
                _, _, queued = heapq.heappop(self._active)
                if self._is_current(queued) and queued.pod.key not in self._in_flight:
                    queued.attempts += 1
                    queued.last_move = self._forgotten_moves + len(self._moves)
                    self._in_flight[queued.pod.key] = queued
                    return queued
            self._not_empty.clear()
            await self._not_empty.wait()

    def done(self, queued: QueuedPod) -> None:
        """The Pod is on its way to a node."""
        self._land(queued)
        if self._is_current(queued):
            del self._known[queued.pod.key]

    def refuse(self, queued: QueuedPod, wakers: frozenset[Event], *, retry: bool = False) -> None:
        """Nothing would do. `retry`: try again after the backoff whatever happens (errors)."""
        missed = self._moves[max(0, queued.last_move - self._forgotten_moves) :]
        self._land(queued)
        if not self._is_current(queued):
            return
        queued.wakers = wakers
        if retry or any(events & wakers for events in missed):
            self._back_off(queued)
        else:
            queued.retry_at = self._clock.monotonic() + LONGEST_WAIT
            self._unschedulable[queued.pod.key] = queued
            self._arm()

    def happened(self, events: Collection[Event]) -> None:
        """Something in the cluster changed: wake the Pods whose refusals it may undo."""
        if not events:
            return
        happened = frozenset(events)
        if self._in_flight:
            self._moves.append(happened)
        for key, queued in [*self._unschedulable.items()]:
            if queued.wakers & happened:
                del self._unschedulable[key]
                self._back_off(queued)

    def _is_current(self, queued: QueuedPod) -> bool:
        return self._known.get(queued.pod.key) is queued

    def _land(self, queued: QueuedPod) -> None:
        self._in_flight.pop(queued.pod.key, None)
        oldest = min((q.last_move for q in self._in_flight.values()), default=self._forgotten_moves + len(self._moves))
        del self._moves[: oldest - self._forgotten_moves]
        self._forgotten_moves = oldest

    def _activate(self, queued: QueuedPod) -> None:
        heapq.heappush(self._active, (self._sort_key(queued.pod, queued.added_at), next(self._sequence), queued))
        self._not_empty.set()

    def _back_off(self, queued: QueuedPod) -> None:
        wait = min(self._first * 2 ** max(0, queued.attempts - 1), self._longest)
        heapq.heappush(self._backoff, (self._clock.monotonic() + wait, next(self._sequence), queued))
        self._arm()

    def _arm(self) -> None:
        """One timer, for whichever Pod's time comes first."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        times = [q.retry_at for q in self._unschedulable.values()]
        if self._backoff:
            times.append(self._backoff[0][0])
        if times:
            self._timer = self._clock.call_later(max(0.0, min(times) - self._clock.monotonic()), self._ring)

    def _ring(self) -> None:
        now = self._clock.monotonic()
        while self._backoff and self._backoff[0][0] <= now:
            _, _, queued = heapq.heappop(self._backoff)
            if self._is_current(queued):
                self._activate(queued)
        for key, queued in [*self._unschedulable.items()]:
            if queued.retry_at <= now:
                del self._unschedulable[key]
                self._activate(queued)
        self._arm()

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
