"""Pods that wait for a node: ready ones by priority, refused ones until something changes.

    add --(preEnqueue)--> active --pop--> (a cycle) --refused--> unschedulable --a happening that concerns it--> backoff
      \\-> gated                ^                                                                                   |
                               +-----------------------------------------------------------------------------------+

Backoff counts from the refusal and doubles from 1 s to 10 s; it is cut short when there is nothing better to do, unless
an error was the reason. A Pod that nothing woke is tried again after 5 minutes. One timer, none while nothing waits.
Upstream: kubernetes/community, contributors/devel/sig-scheduling/scheduler_queues.md
"""

import asyncio
import heapq
import itertools
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from minik.client.clock import Clock, Timer
from minik.server.scheduler.events import Event, Happening, Wakers, cause
from minik.server.scheduler.framework import Refusal
from minik.server.scheduler.node_info import PodInfo

FIRST_BACKOFF, LONGEST_BACKOFF = 1.0, 10.0  # seconds
LONGEST_WAIT = 300.0  # seconds in the unschedulable set

ACTIVE, BACKOFF, UNSCHEDULABLE, GATED, IN_FLIGHT = "active", "backoff", "unschedulable", "gated", "in flight"

SortKey = Callable[[PodInfo, float], tuple[int, float]]
Gate = Callable[[PodInfo], tuple[Refusal, Wakers] | None]
"""preEnqueue: what keeps a Pod out of the queue, and what may change that."""


@dataclass(slots=True, eq=False)
class QueuedPod:
    """`wakers`: what may change a refusal. `last_move`: how many happenings there had been at its pop."""

    pod: PodInfo
    added_at: float  # monotonic seconds
    place: str = ACTIVE
    attempts: int = 0
    refusals: int = 0
    errors: int = 0  # on end
    wakers: Wakers = field(default_factory=dict)
    refused_by: frozenset[str] = frozenset()  # plugins
    refused_at: float = 0.0
    gate: Refusal | None = None
    last_move: int = 0
    retry_at: float = 0.0
    ready_at: float | None = None  # when it was first ready to be tried
    waited: float = 0.0  # seconds from then to the last try
    change: Happening | None = None  # of the Pod while it was in flight


class SchedulingQueue:
    """Keys are `namespace/name`. Not thread-safe: the scheduler's loop owns it."""

    def __init__(
        self,
        clock: Clock,
        sort_key: SortKey,
        first: float = FIRST_BACKOFF,
        longest: float = LONGEST_BACKOFF,
        gate: Gate | None = None,
    ) -> None:
        self._clock = clock
        self._first, self._longest = first, longest
        self._sort_key, self._gate = sort_key, gate
        self._sequence = itertools.count()
        self._active: list[tuple[tuple[int, float], int, QueuedPod]] = []
        self._backoff: list[tuple[float, int, QueuedPod]] = []
        self._error_backoff: list[tuple[float, int, QueuedPod]] = []
        self._unschedulable: dict[str, QueuedPod] = {}  # in the order of retry_at
        self._gated: dict[str, QueuedPod] = {}
        self._known: dict[str, QueuedPod] = {}  # everything here and in flight
        self._moves: list[Happening] = []  # since the oldest Pod in flight was popped
        self._forgotten_moves = 0
        self._in_flight: dict[str, QueuedPod] = {}  # by uid
        self._not_empty = asyncio.Event()
        self._timer: Timer | None = None
        self.incoming: Counter[tuple[str, str]] = Counter()  # how many came into a queue for what reason

    def __len__(self) -> int:
        return len(self._known)

    def __iter__(self) -> Iterator[QueuedPod]:
        return iter([*self._known.values()])

    def add(self, pod: PodInfo) -> None:
        """A Pod without a node came or changed in a way that concerns scheduling."""
        known = self._known.get(pod.key)
        if known is None or known.pod.uid != pod.uid:
            self.remove(pod.key)
            known = self._known[pod.key] = QueuedPod(pod, self._clock.monotonic())
            self._admit(known, "PodAdd")
            return
        what = Happening(Event.POD_CHANGED, known.pod.obj, pod.obj)
        known.pod = pod
        if known.place == GATED:
            self._admit(known, Event.POD_CHANGED.value)
        elif known.place == IN_FLIGHT:
            known.change = what
        elif known.place == UNSCHEDULABLE and cause(pod, known.wakers, (what,)) is not None:
            self._wake(known, Event.POD_CHANGED.value)

    def refresh(self, pod: PodInfo) -> None:
        """A newer version of a Pod that waits here, with nothing that concerns scheduling."""
        known = self._known.get(pod.key)
        if known is not None and known.pod.uid == pod.uid:
            known.pod = pod

    def remove(self, key: str) -> None:
        """The Pod went or got a node. Entries left in the heaps are skipped when they come up."""
        self._known.pop(key, None)
        self._unschedulable.pop(key, None)
        self._gated.pop(key, None)

    def describe(self, key: str) -> dict[str, Any]:
        """Where the Pod is, for people: `state`, and what it waits for."""
        queued = self._known.get(key)
        if queued is None:
            return {"state": "not in the queue"}
        found: dict[str, Any] = {"state": queued.place, "attempts": queued.attempts}
        now = self._clock.monotonic()
        if queued.place == GATED and queued.gate is not None:
            return {"state": GATED, "gatedBy": [", ".join(queued.gate.reasons)]}
        if queued.place == IN_FLIGHT:
            found["state"] = "in a scheduling cycle"
        elif queued.place == UNSCHEDULABLE:
            found["events"] = sorted(event.value for event in queued.wakers)
            found["seconds"] = max(0.0, queued.retry_at - now)
        elif queued.place == BACKOFF:
            found["seconds"] = max(0.0, self._backoff_end(queued) - now)
        return found

    async def pop(self) -> QueuedPod:
        """The next Pod to schedule; the caller ends its cycle with `done` or `refuse`."""
        while True:
            queued = self._next(self._active, ACTIVE) or self._next(self._backoff, BACKOFF)
            if queued is not None:
                queued.attempts += 1
                queued.place = IN_FLIGHT
                queued.change = None
                queued.waited = self._clock.monotonic() - (queued.ready_at or 0.0)
                queued.last_move = self._forgotten_moves + len(self._moves)
                self._in_flight[queued.pod.uid] = queued
                return queued
            self._not_empty.clear()
            await self._not_empty.wait()

    def _next(self, heap: list[Any], place: str) -> QueuedPod | None:
        while heap:
            queued: QueuedPod = heapq.heappop(heap)[-1]
            if queued.place == place and self._is_current(queued):
                return queued
        return None

    def done(self, queued: QueuedPod) -> None:
        """The Pod is on its way to a node."""
        self._land(queued)
        if self._is_current(queued):
            del self._known[queued.pod.key]

    def refuse(
        self, queued: QueuedPod, wakers: Wakers, plugins: frozenset[str] = frozenset(), *, retry: bool = False
    ) -> None:
        """Nothing would do, as `plugins` say. `retry`: try again after the backoff whatever happens (errors)."""
        missed = self._moves[max(0, queued.last_move - self._forgotten_moves) :]
        self._land(queued)
        if not self._is_current(queued):
            return
        queued.wakers, queued.refused_by, queued.refused_at = wakers, plugins, self._clock.monotonic()
        if retry:
            queued.errors += 1
            self._back_off(queued, "ScheduleAttemptFailure")
            return
        queued.refusals += 1
        queued.errors = 0
        happened = missed if queued.change is None else [*missed, queued.change]
        found = cause(queued.pod, wakers, happened) if happened else None
        if found is not None:
            self._wake(queued, found.event.value)
            return
        queued.place = UNSCHEDULABLE
        queued.retry_at = queued.refused_at + LONGEST_WAIT
        self._unschedulable[queued.pod.key] = queued
        self.incoming[UNSCHEDULABLE, "ScheduleAttemptFailure"] += 1
        self._arm()

    def happened(self, happenings: Sequence[Happening]) -> None:
        """Something in the cluster changed: wake the Pods whose refusals it may undo."""
        if not happenings:
            return
        if self._in_flight:
            self._moves.extend(happenings)
        if not self._unschedulable and not self._gated:
            return
        events = {one.event for one in happenings}
        for queued in (*self._unschedulable.values(), *self._gated.values()):
            if events.isdisjoint(queued.wakers):
                continue
            found = cause(queued.pod, queued.wakers, happenings)
            if found is None:
                continue
            if queued.place == GATED:
                self._admit(queued, found.event.value)
            else:
                self._wake(queued, found.event.value)

    # -- from place to place

    def _is_current(self, queued: QueuedPod) -> bool:
        return self._known.get(queued.pod.key) is queued

    def _land(self, queued: QueuedPod) -> None:
        self._in_flight.pop(queued.pod.uid, None)
        oldest = min((q.last_move for q in self._in_flight.values()), default=self._forgotten_moves + len(self._moves))
        del self._moves[: oldest - self._forgotten_moves]
        self._forgotten_moves = oldest

    def _admit(self, queued: QueuedPod, event: str) -> None:
        """Past preEnqueue into the active queue, or among the gated."""
        found = self._gate(queued.pod) if self._gate is not None else None
        if found is None:
            self._gated.pop(queued.pod.key, None)
            self._activate(queued, event)
            return
        queued.gate, queued.wakers = found
        queued.refused_by = frozenset({queued.gate.plugin})
        if queued.place != GATED:
            queued.place = GATED
            self.incoming[GATED, event] += 1
        self._gated[queued.pod.key] = queued

    def _activate(self, queued: QueuedPod, event: str) -> None:
        queued.place, queued.gate = ACTIVE, None
        if queued.ready_at is None:
            queued.ready_at = self._clock.monotonic()
        self.incoming[ACTIVE, event] += 1
        heapq.heappush(self._active, (self._sort_key(queued.pod, queued.added_at), next(self._sequence), queued))
        self._not_empty.set()

    def _wake(self, queued: QueuedPod, event: str) -> None:
        """What is left of the backoff comes first."""
        self._unschedulable.pop(queued.pod.key, None)
        if self._backoff_end(queued) > self._clock.monotonic():
            self._back_off(queued, event)
        else:
            self._admit(queued, event)

    def _backoff_end(self, queued: QueuedPod) -> float:
        count = queued.errors or queued.refusals
        return queued.refused_at + min(self._first * 2.0 ** min(max(0, count - 1), 30), self._longest)

    def _back_off(self, queued: QueuedPod, event: str) -> None:
        queued.place = BACKOFF
        self.incoming[BACKOFF, event] += 1
        heap = self._error_backoff if queued.errors else self._backoff
        heapq.heappush(heap, (self._backoff_end(queued), next(self._sequence), queued))
        if not queued.errors:
            self._not_empty.set()
        self._arm()

    # -- time

    def _arm(self) -> None:
        """One timer, for whichever Pod's time comes first."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        times = [heap[0][0] for heap in (self._backoff, self._error_backoff) if heap]
        if self._unschedulable:
            times.append(next(iter(self._unschedulable.values())).retry_at)
        if times:
            self._timer = self._clock.call_later(max(0.0, min(times) - self._clock.monotonic()), self._ring)

    def _ring(self) -> None:
        now = self._clock.monotonic()
        for heap in (self._backoff, self._error_backoff):
            while heap and heap[0][0] <= now:
                _, _, queued = heapq.heappop(heap)
                if queued.place == BACKOFF and self._is_current(queued):
                    self._admit(queued, "BackoffComplete")
        for queued in [*self._unschedulable.values()]:
            if queued.retry_at > now:
                break
            self._wake(queued, "UnschedulableTimeout")
        self._arm()

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
