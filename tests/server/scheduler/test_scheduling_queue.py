"""Pods waiting for a node: order, backoff, and what wakes them."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from minik.server.scheduler.framework import Event
from minik.server.scheduler.node_info import PodInfo, pod_info
from minik.server.scheduler.plugins.priority_sort import PrioritySort
from minik.server.scheduler.queue import LONGEST_WAIT, QueuedPod, SchedulingQueue


class ManualClock:
    """Time moves only when told to."""

    def __init__(self) -> None:
        self.time = 0.0
        self._timers: list[tuple[float, Callable[[], None]]] = []

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.time, UTC)

    def monotonic(self) -> float:
        return self.time

    def call_later(self, seconds: float, callback: Callable[[], None]) -> "ManualTimer":
        entry = (self.time + seconds, callback)
        self._timers.append(entry)
        return ManualTimer(lambda: self._timers.remove(entry) if entry in self._timers else None)

    def advance(self, seconds: float) -> None:
        self.time += seconds
        for entry in [t for t in self._timers if t[0] <= self.time]:
            self._timers.remove(entry)
            entry[1]()

    @property
    def timers(self) -> int:
        return len(self._timers)


class ManualTimer:
    def __init__(self, cancel: Callable[[], None]) -> None:
        self.cancel = cancel


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def queue(clock: ManualClock) -> SchedulingQueue:
    return SchedulingQueue(clock, PrioritySort().sort_key)


def pod(name: str, priority: int = 0, uid: str = "") -> PodInfo:
    meta = {"name": name, "namespace": "default", "uid": uid or name}
    return pod_info({"metadata": meta, "spec": {"containers": [{}], "priority": priority}})


async def next_of(queue: SchedulingQueue) -> QueuedPod | None:
    try:
        async with asyncio.timeout(0.01):
            return await queue.pop()
    except TimeoutError:
        return None


async def test_higher_priority_comes_first_then_the_longest_waiting(queue: SchedulingQueue, clock: ManualClock) -> None:
    for name, priority in (("a", 0), ("b", 0), ("c", 5)):
        queue.add(pod(name, priority))
        clock.advance(1)
    assert [(await queue.pop()).pod.name for _ in range(3)] == ["c", "a", "b"]


async def test_a_refused_pod_sleeps_until_an_event_that_concerns_it(queue: SchedulingQueue, clock: ManualClock) -> None:
    queue.add(pod("a"))
    queue.refuse(await queue.pop(), frozenset({Event.POD_GONE}))
    queue.happened({Event.NODE_LABELS})
    clock.advance(20)
    assert await next_of(queue) is None
    queue.happened({Event.POD_GONE})
    assert await next_of(queue) is None  # first the backoff
    clock.advance(1)
    assert (await queue.pop()).pod.name == "a"


async def test_an_event_during_the_cycle_is_not_missed(queue: SchedulingQueue, clock: ManualClock) -> None:
    queue.add(pod("a"))
    queued = await queue.pop()
    queue.happened({Event.NODE_ADDED})
    queue.refuse(queued, frozenset({Event.NODE_ADDED}))
    clock.advance(1)
    assert (await queue.pop()).pod.name == "a"


async def test_backoff_doubles_to_its_limit(queue: SchedulingQueue, clock: ManualClock) -> None:
    queue.add(pod("a"))
    queued: QueuedPod | None = await queue.pop()
    waits = []
    for _ in range(6):
        assert queued is not None
        queue.refuse(queued, frozenset(), retry=True)
        waited = 0.0
        while (queued := await next_of(queue)) is None:
            clock.advance(0.5)
            waited += 0.5
        waits.append(waited)
    assert waits == [1, 2, 4, 8, 10, 10]


async def test_what_nothing_wakes_is_tried_again_after_a_while(queue: SchedulingQueue, clock: ManualClock) -> None:
    queue.add(pod("a"))
    queue.refuse(await queue.pop(), frozenset())
    clock.advance(LONGEST_WAIT)
    assert (await queue.pop()).pod.name == "a"


async def test_a_removed_or_recreated_pod_is_not_scheduled_for_its_old_self(
    queue: SchedulingQueue, clock: ManualClock
) -> None:
    queue.add(pod("a", uid="1"))
    queue.add(pod("b"))
    queue.remove("default/b")
    queue.add(pod("a", uid="2"))
    assert (await queue.pop()).pod.uid == "2"
    assert await next_of(queue) is None


async def test_no_timer_runs_while_nothing_waits(queue: SchedulingQueue, clock: ManualClock) -> None:
    queue.add(pod("a"))
    queue.done(await queue.pop())
    assert clock.timers == 0
    assert len(queue) == 0
