"""SIGTERM: first not ready, then gone."""

import asyncio

import pytest

from minik.cli.stopping import Stopping


async def forever() -> None:
    await asyncio.get_running_loop().create_future()


async def ended(task: "asyncio.Task[None]") -> bool:
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    return task.cancelled()


@pytest.mark.parametrize(("delay", "serving"), [(0.0, True), (60.0, False)])
async def test_without_a_delay_or_a_server_the_end_comes_at_once(delay: float, serving: bool) -> None:
    task = asyncio.create_task(forever())
    stopping = Stopping(task, delay)
    told: list[str] = []
    if serving:
        stopping.announce = lambda: told.append("not ready")
    stopping.ask()
    assert await ended(task)
    assert told == (["not ready"] if serving else [])


async def test_a_delay_leaves_time_and_a_second_signal_takes_it() -> None:
    task = asyncio.create_task(forever())
    stopping = Stopping(task, 60.0)
    told: list[str] = []
    stopping.announce = lambda: told.append("not ready")
    stopping.ask()
    assert told == ["not ready"]
    assert not await ended(task)
    stopping.ask()
    assert await ended(task)


async def test_after_the_delay_it_is_over() -> None:
    task = asyncio.create_task(forever())
    stopping = Stopping(task, 0.01)
    stopping.announce = lambda: None
    stopping.ask()
    await asyncio.wait([task], timeout=5)
    assert task.cancelled()
