"""Watches that many clients share: who joins hears of everything once, and slow connections go by themselves."""

import asyncio
import random
from collections.abc import Callable
from typing import Any

import orjson
import pytest

CONFIG_MAPS = "/api/v1/namespaces/default/configmaps"


class Connection:
    """A sink, and the task that reads the stream beside it."""

    def __init__(self) -> None:
        self.paused = False
        self.direct = 0
        self.lines: list[Any] = []
        self.news = asyncio.Event()

    def write(self, framed: bytes) -> None:
        size, _, rest = framed.partition(b"\r\n")
        chunk, end = rest[: int(size, 16)], rest[int(size, 16) :]
        assert end == b"\r\n"
        self.direct += 1
        self.take(chunk)

    def take(self, chunk: bytes) -> None:
        self.lines += [orjson.loads(line) for line in chunk.splitlines()]
        self.news.set()

    def names(self) -> list[str]:
        return [line["object"]["metadata"]["name"] for line in self.lines if line["type"] != "BOOKMARK"]

    async def until(self, reached: Callable[[], bool]) -> None:
        async with asyncio.timeout(5):
            while not reached():
                self.news.clear()
                await self.news.wait()

    async def heard(self, count: int) -> list[str]:
        await self.until(lambda: len(self.lines) >= count)
        return self.names()


@pytest.fixture
async def watching(api: Any) -> Any:
    """Opens watches with a connection each."""
    tasks: list[asyncio.Task[None]] = []

    async def open_watch(query: str = "") -> Connection:
        response = await api.send("GET", f"{CONFIG_MAPS}?watch=true&{query}")
        connection = Connection()
        response.direct(connection)

        async def read() -> None:
            try:
                async for chunk in response.stream:
                    connection.take(chunk)
            finally:
                await response.stream.aclose()

        tasks.append(asyncio.create_task(read()))
        await asyncio.sleep(0.01)
        return connection

    yield open_watch
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert not api.server.registry.feeds._feeds
    assert not api.server.registry.storage.store.watchers.all()


async def test_everyone_hears_of_every_change_once(api: Any, watching: Any) -> None:
    await api.config_map("a")
    connections = [await watching() for _ in range(3)]
    for name in ("b", "c"):
        await api.config_map(name)
    connections.append(await watching())
    await api.config_map("d")
    for connection in connections:
        assert sorted(await connection.heard(4)) == ["a", "b", "c", "d"]
        assert connection.direct


async def test_selections_do_not_mix(api: Any, watching: Any) -> None:
    red, everything = await watching("labelSelector=color%3Dred"), await watching()
    await api.config_map("a")
    await api.config_map("b", metadata={"labels": {"color": "red"}})
    assert await red.heard(1) == ["b"]
    assert await everything.heard(2) == ["a", "b"]


async def test_who_is_slow_goes_on_by_itself_and_comes_back(api: Any, watching: Any) -> None:
    slow, quick = await watching(), await watching()
    slow.paused = True
    await api.config_map("a")
    await api.config_map("b")
    assert await slow.heard(2) == ["a", "b"]
    assert not slow.direct
    slow.paused = False
    for name in ("c", "d", "e"):
        await api.config_map(name)
        await quick.heard(1)
    assert await slow.heard(5) == ["a", "b", "c", "d", "e"]
    assert await quick.heard(5) == slow.names()
    assert slow.direct


async def test_nobody_misses_a_change_while_others_come_go_and_tire(
    api: Any, watching: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from minik.server.apiserver.registry import feed

    monkeypatch.setattr(feed, "_AT_ONCE", 2)  # changes come while a round is going on
    monkeypatch.setattr(feed, "_SHORT_ROUND", 0.0)
    connections: list[Connection] = [await watching() for _ in range(5)]
    since: list[int] = [0] * 5
    chance = random.Random(1)
    for number in range(60):
        for connection in connections:
            connection.paused = chance.random() < 0.1
        if not number % 7:
            connections.append(await watching(f"resourceVersion={api.server.registry.storage.store.revision}"))
            since.append(number)
        await api.config_map(f"c{number:02}")
    for connection in connections:
        connection.paused = False
    names = [f"c{number:02}" for number in range(60)]
    for start, connection in zip(since, connections, strict=True):
        assert await connection.heard(60 - start) == names[start:]
        assert connection.direct


async def test_a_bookmark_tells_how_far_a_member_is(api: Any, watching: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from minik.server.apiserver.registry import watch

    monkeypatch.setattr(watch, "BOOKMARK_SECONDS", 0.05)
    connection: Connection = await watching("allowWatchBookmarks=true")
    obj = await api.config_map("a")
    await connection.until(lambda: bool(connection.names()[:1] == ["a"] and connection.lines[-1]["type"] == "BOOKMARK"))
    version = connection.lines[-1]["object"]["metadata"]["resourceVersion"]
    assert int(version) >= int(obj["metadata"]["resourceVersion"])
