import asyncio
from collections.abc import AsyncIterator

import pytest
from fake_client import FakeClient, until

from minik.api.status import expired
from minik.client import informer as informer_module
from minik.client.informer import Change, Informer, Informers
from minik.client.resources import PODS


@pytest.fixture(autouse=True)
def _fast_retries(monkeypatch):
    monkeypatch.setattr(informer_module, "FIRST_BACKOFF", 0.001)


def pod(name: str, node: str = "") -> dict:
    return {"metadata": {"name": name, "namespace": "ns"}, "spec": {"nodeName": node}}


@pytest.fixture
async def client() -> FakeClient:
    return FakeClient()


@pytest.fixture
async def informer(client: FakeClient) -> AsyncIterator[Informer]:
    informer = Informer(client, PODS)
    task = asyncio.create_task(informer.run(asyncio.Event()))
    await informer.wait_synced()
    yield informer
    task.cancel()


async def test_cache_follows_creates_updates_and_deletes(client, informer):
    informer.add_index("node", lambda obj: [obj["spec"]["nodeName"]])
    told: list[Change] = []
    informer.add_handler(told.extend)

    client.add(PODS, pod("a"))
    await until(lambda: informer.get("a", "ns"))
    client.change(PODS, "a", "ns", {"spec": {"nodeName": "n1"}})
    await until(lambda: informer.by_index("node", "n1"))
    assert informer.by_index("node", "") == []
    client.remove(PODS, "a", "ns")
    await until(lambda: not len(informer))

    assert [(change.old is None, change.new is None) for change in told] == [
        (True, False),
        (False, False),
        (False, True),
    ]
    assert informer.by_index("node", "n1") == []


async def test_late_handler_hears_of_what_is_there(client, informer):
    client.add(PODS, pod("a"))
    await until(lambda: len(informer))
    told: list[Change] = []
    informer.add_handler(told.extend)
    assert [change.obj["metadata"]["name"] for change in told] == ["a"]


async def test_broken_watch_resumes_without_listing(client, informer):
    lists = []
    client.fail = lambda verb, resource, name: lists.append(verb) if verb == "list" else None
    await client.break_watches()
    client.add(PODS, pod("a"))
    await until(lambda: len(informer))
    assert lists == []


async def test_gone_lists_again_and_tells_the_difference(client, informer):
    client.add(PODS, pod("stays"))
    client.add(PODS, pod("goes"))
    await until(lambda: len(informer) == 2)
    told: list[Change] = []
    informer.add_handler(told.extend)
    told.clear()

    refused = iter([expired("too old resource version: 1 (3)")])
    client.fail = lambda verb, resource, name: next(refused, None) if verb == "watch" else None
    await client.break_watches()
    await asyncio.sleep(0)
    client.remove(PODS, "goes", "ns")
    client.forget_history()
    client.add(PODS, pod("comes"))
    await until(lambda: informer.get("comes", "ns") and not informer.get("goes", "ns"))
    assert sorted((c.obj["metadata"]["name"], c.new is None) for c in told) == [("comes", False), ("goes", True)]


async def test_one_failing_handler_does_not_blind_others(client, informer):
    def broken(changes):
        raise ValueError("bug")

    told: list[Change] = []
    informer.add_handler(broken)
    informer.add_handler(told.extend)
    client.add(PODS, pod("a"))
    await until(lambda: told)


async def test_transform_keeps_less(client):
    client.add(PODS, pod("a", "n1"))
    slim = Informer(client, PODS, transform=lambda obj: {"metadata": obj["metadata"]})
    task = asyncio.create_task(slim.run(asyncio.Event()))
    await slim.wait_synced()
    assert "spec" not in slim.list()[0]
    task.cancel()


async def test_informers_hands_out_one_per_selection_and_starts_late_ones(client):
    informers = Informers(client)
    first = informers.of(PODS)
    task = asyncio.create_task(informers.run(asyncio.Event()))
    await first.wait_synced()
    late = informers.of(PODS, "ns")
    assert informers.of(PODS) is first
    assert late is not first
    await asyncio.wait_for(late.wait_synced(), 1)
    task.cancel()
