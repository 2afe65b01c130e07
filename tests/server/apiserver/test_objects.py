"""The server's own view of its objects: current at once, followed without gaps."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from minik.api.groups import load
from minik.api.types import GVR, Obj
from minik.server.apiserver.objects import Objects
from minik.server.apiserver.registry.keys import object_key
from minik.server.apiserver.registry.storage import Storage
from minik.store.open import open_store

SCHEME = load()
CONFIG_MAPS = GVR("", "v1", "configmaps")


@pytest.fixture
async def storage(tmp_path: Path) -> AsyncIterator[Storage]:
    async with open_store(tmp_path) as store:
        yield Storage(store)


async def put(storage: Storage, name: str, namespace: str = "ns", **content: Any) -> None:
    resource = SCHEME.get(*CONFIG_MAPS)
    assert resource is not None
    obj: Obj = {"metadata": {"name": name, "namespace": namespace}, **content}
    key = object_key(resource, namespace, name)
    await storage.insert(resource, key, storage.layouts.of(resource).encode(obj))


async def remove(storage: Storage, name: str) -> None:
    resource = SCHEME.get(*CONFIG_MAPS)
    assert resource is not None
    kv = storage.get(resource, "ns", name)
    assert kv is not None
    await storage.remove(kv)


async def test_reads_see_what_is_stored(storage: Storage) -> None:
    objects = Objects(storage.store, SCHEME, storage.layouts)
    await put(storage, "a", data={"x": "y"})
    await put(storage, "b", "other")
    found = objects.get(CONFIG_MAPS, "a", "ns")
    assert found is not None
    assert found["data"] == {"x": "y"}
    assert [o["metadata"]["name"] for o in objects.list(CONFIG_MAPS)] == ["a", "b"]
    assert [o["metadata"]["name"] for o in objects.list(CONFIG_MAPS, "other")] == ["b"]
    assert objects.get(GVR("no", "v1", "such"), "a") is None


async def test_waiting_ends_with_the_creation_or_the_patience(storage: Storage) -> None:
    objects = Objects(storage.store, SCHEME, storage.layouts)
    waiting = asyncio.create_task(objects.wait_for(CONFIG_MAPS, "a", "ns", 5))
    await asyncio.sleep(0)
    await put(storage, "a")
    assert await waiting is not None
    assert await objects.wait_for(CONFIG_MAPS, "b", "ns", 0.01) is None


async def test_a_follower_sees_everything_and_every_change(storage: Storage) -> None:
    objects = Objects(storage.store, SCHEME, storage.layouts)
    await put(storage, "before")
    seen: list[tuple[str, str]] = []
    changed, ready = asyncio.Event(), asyncio.Event()

    def on_change(_: GVR, new: Obj | None, old: Obj | None) -> None:
        obj = new or old
        assert obj is not None
        seen.append(("there" if new else "gone", obj["metadata"]["name"]))
        changed.set()

    follower = asyncio.create_task(objects.follow([CONFIG_MAPS], seen.clear, on_change, ready))
    async with asyncio.timeout(5):
        await ready.wait()
        await put(storage, "after")
        await remove(storage, "before")
        while len(seen) < 3:
            changed.clear()
            await changed.wait()
    follower.cancel()
    await asyncio.gather(follower, return_exceptions=True)
    assert seen == [("there", "before"), ("there", "after"), ("gone", "before")]
