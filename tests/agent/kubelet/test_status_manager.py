"""Pod statuses on their way to the API: the newest always arrives."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from minik.agent.kubelet.status_manager import StatusManager

Obj = dict[str, Any]
POD: Obj = {"metadata": {"name": "p", "namespace": "n", "uid": "u"}, "status": {"phase": "Pending"}}


class SlowClient:
    """An API that answers when the test says so."""

    def __init__(self) -> None:
        self.patches: list[Obj] = []
        self.answers: list[asyncio.Future[Obj]] = []

    async def patch(self, *arguments: Any, **_: Any) -> Obj:
        self.patches.append(arguments[2]["status"])
        self.answers.append(asyncio.get_running_loop().create_future())
        return await self.answers[-1]


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110  # step by step
            await asyncio.sleep(0)


def answer(status: Obj) -> Obj:
    return {**POD, "status": status}


@pytest.mark.parametrize("steps", range(5))
async def test_a_status_set_while_the_last_one_is_being_finished_is_sent(steps: int) -> None:
    """However many steps of the loop after the answer it comes."""
    client = SlowClient()
    async with asyncio.TaskGroup() as group:
        manager = StatusManager(client, group)  # type: ignore[arg-type]
        running, ready = {"phase": "Running", "ready": False}, {"phase": "Running", "ready": True}
        manager.set(POD, running)
        await until(lambda: len(client.answers) == 1)

        def later(left: int) -> None:
            if left:
                asyncio.get_running_loop().call_soon(later, left - 1)
            else:
                manager.set(POD, ready)

        client.answers[0].set_result(answer(running))
        asyncio.get_running_loop().call_soon(later, steps)
        await until(lambda: len(client.answers) == 2)
        client.answers[1].set_result(answer(ready))
    assert client.patches == [running, {"ready": True}]


async def test_only_the_newest_of_several_statuses_is_sent_next() -> None:
    client = SlowClient()
    async with asyncio.TaskGroup() as group:
        manager = StatusManager(client, group)  # type: ignore[arg-type]
        manager.set(POD, {"phase": "Running"})
        await until(lambda: len(client.answers) == 1)
        manager.set(POD, {"phase": "Running", "message": "old"})
        manager.set(POD, {"phase": "Failed"})
        client.answers[0].set_result(answer({"phase": "Running"}))
        await until(lambda: len(client.answers) == 2)
        client.answers[1].set_result(answer({"phase": "Failed"}))
    assert client.patches == [{"phase": "Running"}, {"phase": "Failed"}]


async def test_a_pod_that_is_forgotten_and_set_again_keeps_its_new_sender() -> None:
    client = SlowClient()
    async with asyncio.TaskGroup() as group:
        manager = StatusManager(client, group)  # type: ignore[arg-type]
        manager.set(POD, {"phase": "Running"})
        await until(lambda: len(client.answers) == 1)
        manager.forget("u")
        manager.set(POD, {"phase": "Failed"})
        await until(lambda: len(client.answers) == 2)
        manager.set(POD, {"phase": "Failed", "message": "more"})
        client.answers[1].set_result(answer({"phase": "Failed"}))
        await until(lambda: len(client.answers) == 3)
        client.answers[2].set_result(answer({"phase": "Failed", "message": "more"}))
    assert client.patches[1:] == [{"phase": "Failed"}, {"message": "more"}]
