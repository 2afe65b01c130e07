import asyncio

import pytest
from fake_client import FakeClock

from minik.client.workqueue import WorkQueue


async def test_key_added_twice_waits_once():
    queue = WorkQueue()
    queue.add("a")
    queue.add("a")
    queue.add("b")
    assert [await queue.get(), await queue.get()] == ["a", "b"]
    assert len(queue) == 0


async def test_key_added_while_worked_on_comes_again_after_done():
    queue = WorkQueue()
    queue.add("a")
    await queue.get()
    queue.add("a")
    assert len(queue) == 0
    queue.done("a")
    assert await queue.get() == "a"


async def test_delayed_key_comes_at_its_earliest_time():
    clock = FakeClock()
    queue = WorkQueue(clock)
    queue.add_after("a", 10)
    queue.add_after("a", 5)
    queue.add_after("b", 7)
    clock.advance(4.9)
    assert len(queue) == 0
    clock.advance(0.2)
    assert len(queue) == 1
    clock.advance(10)
    assert [await queue.get(), await queue.get()] == ["a", "b"]
    assert len(queue) == 0


async def test_backoff_doubles_until_forgotten():
    clock = FakeClock()
    queue = WorkQueue(clock, first_backoff=1, longest_backoff=3)
    waits = []
    for _ in range(4):
        queue.add_rate_limited("a")
        waited = 0
        while not len(queue):
            clock.advance(1)
            waited += 1
        waits.append(waited)
        queue.done(await queue.get())
    assert waits == [1, 2, 3, 3]
    assert queue.failures("a") == 4
    queue.forget("a")
    assert queue.failures("a") == 0


async def test_waiting_worker_is_woken_and_cancelled_worker_loses_no_key():
    queue = WorkQueue()
    first, second = asyncio.create_task(queue.get()), asyncio.create_task(queue.get())
    await asyncio.sleep(0)
    queue.add("a")  # wakes the first, which is cancelled before it runs
    first.cancel()
    assert await asyncio.wait_for(second, 1) == "a"
    with pytest.raises(asyncio.CancelledError):
        await first
