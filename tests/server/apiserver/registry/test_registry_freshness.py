"""Reads that ask for a state still to come."""

import asyncio
from typing import Any

import orjson
import pytest

from minik.server.apiserver.registry import freshness

CONFIG_MAPS = "/api/v1/namespaces/default/configmaps"


@pytest.mark.parametrize("path", [CONFIG_MAPS, f"{CONFIG_MAPS}/a"])
async def test_a_read_waits_for_the_version_it_asks_for(api: Any, path: str) -> None:
    first = await api.config_map("a")
    wanted = int(first["metadata"]["resourceVersion"]) + 1
    reading = asyncio.create_task(api("GET", f"{path}?resourceVersion={wanted}"))
    await asyncio.sleep(0)
    assert not reading.done()
    await api.patch(f"{CONFIG_MAPS}/a", {"data": {"new": "1"}})
    status, answer = await reading
    assert status == 200
    assert int(answer["metadata"]["resourceVersion"]) == wanted


async def test_it_does_not_wait_for_ever(api: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(freshness, "PATIENCE", 0.05)
    status, answer = await api("GET", f"{CONFIG_MAPS}?resourceVersion=999999")
    initial = "watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan"
    watched = await api.send("GET", f"{CONFIG_MAPS}?resourceVersion=999999&{initial}")
    event = orjson.loads(await anext(watched.stream))
    assert (status, watched.status, event["type"], event["object"]["code"]) == (504, 200, "ERROR", 504)
    for told in (answer, event["object"]):
        assert told["message"].startswith("Timeout: Too large resource version: 999999, current: ")
        causes = [{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}]
        assert told["details"] == {"causes": causes, "retryAfterSeconds": 1}
