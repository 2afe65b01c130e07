"""What errors name, and how often they say the same: clients see upstream's words."""

from typing import Any

import pytest

CONFIG_MAPS = "/api/v1/namespaces/default/configmaps"
_BAD_LABEL = {"labels": {"-": "x"}}
_EVENTS = "/apis/events.k8s.io/v1/namespaces/default/events"


@pytest.mark.parametrize(
    ("path", "body", "count"),
    [
        (CONFIG_MAPS, {"kind": "ConfigMap", "apiVersion": "v1"}, 4),
        ("/api/v1/nodes", {"kind": "Node", "apiVersion": "v1"}, 4),
        ("/api/v1/namespaces", {"kind": "Namespace", "apiVersion": "v1"}, 3),
    ],
)
async def test_an_update_is_judged_as_often_as_upstream_does(api: Any, path: str, body: Any, count: int) -> None:
    await api("POST", path, {**body, "metadata": {"name": "x"}})
    status, answer = await api("PUT", f"{path}/x", {**body, "metadata": {"name": "x", **_BAD_LABEL}})
    assert status == 422
    assert len(answer["details"]["causes"]) == count


@pytest.mark.parametrize(
    ("target", "message"),
    [
        (f"{_EVENTS}/no", 'events "no" not found'),
        ("/api/v1/componentstatuses/no", "Component not found: no"),
    ],
)
async def test_words_of_errors(api: Any, target: str, message: str) -> None:
    _, answer = await api("GET", target)
    assert answer["message"] == message


async def test_component_statuses_are_selected_by_name(api: Any) -> None:
    _, answer = await api("GET", "/api/v1/componentstatuses?fieldSelector=metadata.name%3Dscheduler")
    assert [item["metadata"]["name"] for item in answer["items"]] == ["scheduler"]
