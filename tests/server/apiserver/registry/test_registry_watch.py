"""Watches: the present state, changes, what selectors make of them, errors."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest

from minik.server.apiserver.registry import watch

CONFIG_MAPS = "/api/v1/namespaces/default/configmaps"
INITIAL = "sendInitialEvents=true&allowWatchBookmarks=true&resourceVersionMatch=NotOlderThan"


async def events(api: Any, query: str, count: int, accept: str = "") -> list[Any]:
    """The first events of a watch; each must come within two seconds."""
    response = await api.send("GET", f"{CONFIG_MAPS}?watch=true&{query}", headers={"accept": accept})
    assert response.status == 200, response.body
    return await taken(response.stream, count)


async def taken(stream: AsyncIterator[bytes], count: int) -> list[Any]:
    found: list[Any] = []
    async with asyncio.timeout(2):
        while len(found) < count:
            found += [orjson.loads(line) for line in (await anext(stream)).splitlines()]
    return found


def told(found: list[Any]) -> list[tuple[str, str]]:
    return [(event["type"], event["object"]["metadata"].get("name", "")) for event in found]


async def test_history_from_a_version(api: Any) -> None:
    first = await api.config_map("a")
    _, changed = await api.patch(f"{CONFIG_MAPS}/a", {"data": {"x": "1"}})
    await api("DELETE", f"{CONFIG_MAPS}/a")
    version = int(first["metadata"]["resourceVersion"]) - 1
    found = await events(api, f"resourceVersion={version}", 3)
    assert told(found) == [("ADDED", "a"), ("MODIFIED", "a"), ("DELETED", "a")]
    assert found[0]["object"] == first
    assert found[1]["object"] == changed
    gone = found[2]["object"]
    assert gone["data"] == {"x": "1"}
    assert int(gone["metadata"]["resourceVersion"]) > int(changed["metadata"]["resourceVersion"])


async def test_the_present_state_then_changes(api: Any) -> None:
    await api.config_map("a")
    response = await api.send("GET", f"{CONFIG_MAPS}?watch=true&{INITIAL}")
    start = await taken(response.stream, 2)
    assert told(start) == [("ADDED", "a"), ("BOOKMARK", "")]
    assert start[1]["object"]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}
    await api.config_map("b")
    assert told(await taken(response.stream, 1)) == [("ADDED", "b")]


async def test_without_a_version_the_present_state_comes_first(api: Any) -> None:
    await api.config_map("a")
    await api.config_map("b")
    assert told(await events(api, "", 2)) == [("ADDED", "a"), ("ADDED", "b")]


async def test_objects_come_into_and_go_out_of_sight(api: Any) -> None:
    first = await api.config_map("a", metadata={"labels": {"w": "no"}})
    for value in ("yes", "yes2", "no", "yes"):
        await api.patch(f"{CONFIG_MAPS}/a", {"metadata": {"labels": {"w": value}}})
    version = first["metadata"]["resourceVersion"]
    found = await events(api, f"resourceVersion={version}&labelSelector=w%20in%20(yes,yes2)", 4)
    assert told(found) == [("ADDED", "a"), ("MODIFIED", "a"), ("DELETED", "a"), ("ADDED", "a")]
    assert found[2]["object"]["metadata"]["labels"] == {"w": "yes2"}, "the last state that was in sight"


async def test_a_watch_of_one_name(api: Any) -> None:
    first = await api.config_map("a")
    await api.config_map("b")
    await api.patch(f"{CONFIG_MAPS}/a", {"data": {"x": "1"}})
    version = first["metadata"]["resourceVersion"]
    found = await events(api, f"resourceVersion={version}&fieldSelector=metadata.name=a", 1)
    assert told(found) == [("MODIFIED", "a")]


async def test_a_compacted_version_is_an_error_event(api: Any) -> None:
    await api.config_map("a")
    await api.config_map("b")
    store = api.server.registry.storage.store
    await store.compact(store.revision)
    found = await events(api, "resourceVersion=1", 1)
    assert (found[0]["type"], found[0]["object"]["code"], found[0]["object"]["reason"]) == ("ERROR", 410, "Expired")


async def test_a_version_from_before_everything_is_an_error_event(api: Any) -> None:
    await api.config_map("early")
    status, namespace = await api("GET", "/api/v1/namespaces/default")
    if status == 404:
        _, namespace = await api("POST", "/api/v1/namespaces", {"metadata": {"name": "default"}})
    await api.config_map("a")
    oldest = int(namespace["metadata"]["resourceVersion"])
    found = await events(api, f"resourceVersion={oldest - 1}", 1)
    assert (found[0]["type"], found[0]["object"]["code"]) == ("ERROR", 410)
    assert found[0]["object"]["message"] == f"too old resource version: {oldest - 1} ({oldest})"
    assert told(await events(api, f"resourceVersion={oldest}", 1)) == [("ADDED", "a")]


async def test_time_ends_a_watch(api: Any) -> None:
    response = await api.send("GET", f"{CONFIG_MAPS}?watch=true&timeoutSeconds=1&labelSelector=none")
    async with asyncio.timeout(3):
        assert [chunk async for chunk in response.stream] == []


async def test_bookmarks_come_shortly_before_the_end(api: Any) -> None:
    first = await api.config_map("a")
    query = f"resourceVersion={first['metadata']['resourceVersion']}&allowWatchBookmarks=true&timeoutSeconds"
    for seconds, bookmarks in (("3", 1), ("2", 0)):
        response = await api.send("GET", f"{CONFIG_MAPS}?watch=true&{query}={seconds}")
        async with asyncio.timeout(5):
            found = [orjson.loads(chunk) async for chunk in response.stream]
        assert told(found) == [("BOOKMARK", "")] * bookmarks
        for event in found:
            metadata = {"resourceVersion": first["metadata"]["resourceVersion"]}
            assert event["object"] == {"kind": "ConfigMap", "apiVersion": "v1", "metadata": metadata}


@pytest.mark.parametrize("allowed", [True, False])
async def test_neither_bookmarks_nor_the_end_wait_for_changes_to_stop(
    api: Any, monkeypatch: pytest.MonkeyPatch, allowed: bool
) -> None:
    monkeypatch.setattr(watch, "BOOKMARK_SECONDS", 0.1)
    await api.config_map("a")
    query = f"timeoutSeconds=3&labelSelector=none&allowWatchBookmarks={str(allowed).lower()}"
    response = await api.send("GET", f"{CONFIG_MAPS}?watch=true&{query}")

    async def change() -> None:
        number = 0
        while True:
            number += 1
            await api.patch(f"{CONFIG_MAPS}/a", {"data": {"x": str(number)}})

    changing = asyncio.create_task(change())
    async with asyncio.timeout(5):
        found = [chunk async for chunk in response.stream]
    changing.cancel()
    assert (len(found) > 3) is allowed


async def test_tables_carry_their_columns_once(api: Any) -> None:
    await api.config_map("a")
    await api.config_map("b")
    found = await events(api, "", 2, accept="application/json;as=Table;g=meta.k8s.io;v=v1")
    assert [len(event["object"]["rows"]) for event in found] == [1, 1]
    assert found[0]["object"]["columnDefinitions"]
    assert found[1]["object"]["columnDefinitions"] is None


async def test_watchers_share_the_bytes_of_an_event(api: Any) -> None:
    first = await api.config_map("a")
    query = f"{CONFIG_MAPS}?watch=true&resourceVersion={int(first['metadata']['resourceVersion']) - 1}"
    one, two = await api.send("GET", query), await api.send("GET", query)
    await taken(one.stream, 1)
    await taken(two.stream, 1)
    stored = api.server.registry.storage.get(api.server.registry.scheme.get("", "v1", "configmaps"), "default", "a")
    assert len(stored.memo.lines) == 1


async def test_pods_come_and_go_in_the_sight_of_their_nodes(api: Any) -> None:
    await api.pod("a")
    watches = [
        await api.send("GET", f"/api/v1/pods?watch=true&resourceVersion=1&fieldSelector=spec.nodeName%3D{node}")
        for node in ("n1", "n2")
    ]
    await api.pod("b", nodeName="n1")
    binding = {"metadata": {"name": "a"}, "target": {"kind": "Node", "name": "n2"}}
    status, answer = await api("POST", "/api/v1/namespaces/default/pods/a/binding", binding)
    assert status == 201, answer
    await api("DELETE", "/api/v1/namespaces/default/pods/a?gracePeriodSeconds=0")
    assert told(await taken(watches[0].stream, 1)) == [("ADDED", "b")]
    assert told(await taken(watches[1].stream, 3))[-1] == ("DELETED", "a")


async def test_watches_from_now_on_mark_the_end_of_what_there_is(api: Any) -> None:
    await api.config_map("a")
    for query in ("", "&resourceVersion=0"):
        found = await events(api, f"allowWatchBookmarks=true{query}", 2)
        assert told(found) == [("ADDED", "a"), ("BOOKMARK", "")]
    old = await api.send("GET", f"/api/v1/watch/namespaces/default/configmaps?allowWatchBookmarks=true&{INITIAL}")
    assert old.status == 422


async def test_a_watch_from_no_version_fails_as_the_storage_does(api: Any) -> None:
    status, answer = await api("GET", f"{CONFIG_MAPS}?watch=1&resourceVersion=abc")
    text = 'resourceVersion: Invalid value: "abc": strconv.ParseUint: parsing "abc": invalid syntax'
    assert (status, answer["message"], answer.get("reason")) == (500, text, None)
