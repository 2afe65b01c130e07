"""Pods waiting for a node: order, backoff, and what wakes them."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from minik.server.scheduler.events import Event, Happening, Wakers
from minik.server.scheduler.framework import Refusal
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


def on(*events: Event) -> Wakers:
    return dict.fromkeys(events)


async def test_a_refused_pod_sleeps_until_an_event_that_concerns_it(queue: SchedulingQueue, clock: ManualClock) -> None:
    queue.add(pod("a"))
    queue.refuse(await queue.pop(), on(Event.POD_GONE))
    queue.happened([Happening(Event.NODE_LABELS)])
    clock.advance(20)
    assert await next_of(queue) is None
    queue.happened([Happening(Event.POD_GONE)])
    assert (await queue.pop()).pod.name == "a"


async def test_hints_decide_whether_an_event_concerns_a_pod(queue: SchedulingQueue, clock: ManualClock) -> None:
    def is_n2(_: PodInfo, what: Happening) -> bool:
        return bool(what.obj["metadata"]["name"] == "n2")

    def is_broken(_: PodInfo, what: Happening) -> bool:
        raise KeyError(what.event)

    def node(name: str) -> Happening:
        return Happening(Event.NODE_ADDED, None, {"metadata": {"name": name}})

    for name, hint in (("choosy", is_n2), ("broken", is_broken)):
        queue.add(pod(name))
        queue.refuse(await queue.pop(), {Event.NODE_ADDED: (hint,)})
    queue.happened([node("n1")])
    assert (await queue.pop()).pod.name == "broken", "a hint that fails counts as a yes"
    assert await next_of(queue) is None
    queue.happened([node("n3"), node("n2")])
    assert (await queue.pop()).pod.name == "choosy"


async def test_an_event_during_the_cycle_is_not_missed(queue: SchedulingQueue, clock: ManualClock) -> None:
    queue.add(pod("a"))
    queued = await queue.pop()
    queue.happened([Happening(Event.NODE_ADDED)])
    queue.refuse(queued, on(Event.NODE_ADDED))
    assert queue.describe("default/a")["state"] == "backoff"
    queue.refuse(await queue.pop(), on(Event.POD_CHANGED))
    assert queue.describe("default/a")["state"] == "unschedulable"
    queue.add(pod("a", priority=1))
    queued = await queue.pop()
    queue.add(pod("a", priority=2))
    queue.refuse(queued, on(Event.POD_CHANGED))
    assert (await queue.pop()).pod.priority == 2, "it changed during its own cycle"


async def test_backoff_of_errors_doubles_to_its_limit(queue: SchedulingQueue, clock: ManualClock) -> None:
    queue.add(pod("a"))
    queued: QueuedPod | None = await queue.pop()
    waits = []
    for _ in range(6):
        assert queued is not None
        queue.refuse(queued, {}, retry=True)
        waited = 0.0
        while (queued := await next_of(queue)) is None:
            clock.advance(0.5)
            waited += 0.5
        waits.append(waited)
    assert waits == [1, 2, 4, 8, 10, 10]


async def test_backoff_is_cut_short_only_while_there_is_nothing_better(
    queue: SchedulingQueue, clock: ManualClock
) -> None:
    queue.add(pod("refused", priority=9))
    queue.refuse(await queue.pop(), on(Event.POD_GONE))
    queue.happened([Happening(Event.POD_GONE)])
    queue.add(pod("new"))
    assert [(await queue.pop()).pod.name for _ in range(2)] == ["new", "refused"]


async def test_backoff_counts_from_the_refusal(queue: SchedulingQueue, clock: ManualClock) -> None:
    queue.add(pod("a"))
    queue.refuse(await queue.pop(), on(Event.POD_GONE))
    clock.advance(5)
    queue.happened([Happening(Event.POD_GONE)])
    assert queue.describe("default/a") == {"state": "active", "attempts": 1}


async def test_gated_pods_wait_outside(clock: ManualClock) -> None:
    gates = {"a": Refusal(("waiting",), plugin="Gates")}

    def gate(pod: PodInfo) -> tuple[Refusal, Wakers] | None:
        refusal = gates.get(pod.name)
        return None if refusal is None else (refusal, on(Event.CLAIM))

    queue = SchedulingQueue(clock, PrioritySort().sort_key, gate=gate)
    queue.add(pod("a"))
    assert queue.describe("default/a") == {"state": "gated", "gatedBy": ["waiting"]}
    queue.happened([Happening(Event.CLAIM)])
    queue.add(pod("a"))
    clock.advance(LONGEST_WAIT)
    assert await next_of(queue) is None
    gates.clear()
    queue.happened([Happening(Event.CLAIM)])
    assert (await queue.pop()).pod.name == "a"
    assert queue.incoming == {("gated", "PodAdd"): 1, ("active", "ResourceClaimAddUpdate"): 1}


async def test_what_nothing_wakes_is_tried_again_after_a_while(queue: SchedulingQueue, clock: ManualClock) -> None:
    queue.add(pod("a"))
    queue.refuse(await queue.pop(), {})
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
