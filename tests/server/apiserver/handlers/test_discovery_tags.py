"""Aggregated discovery is sent again only when it has changed."""

import pytest

from minik.api.groups import load
from minik.api.request import Request
from minik.api.types import GVR, UserInfo
from minik.server.apiserver.handlers.discovery import Discovery, aggregated
from minik.server.apiserver.routes import Routes

AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"


@pytest.mark.parametrize("path", ["/api", "/apis"])
async def test_what_is_known_is_not_sent_again(path: str) -> None:
    scheme, routes = load(), Routes()
    Discovery(scheme, "127.0.0.1:6443").install(routes)
    found = routes.find(path)
    assert found is not None
    handler, below = found

    async def get(tag: str) -> tuple[int, str, bytes]:
        request = Request(method="GET", path=path, headers={"accept": AGGREGATED, "if-none-match": tag})
        response = await handler(request, UserInfo("me"), below)
        assert response.headers["Cache-Control"] == "public"
        return response.status, response.headers["ETag"], response.body

    status, tag, body = await get("")
    assert (status, bool(body), tag[0], tag[-1]) == (200, True, '"', '"')
    assert await get(tag) == (304, tag, b"")
    scheme.remove(GVR("", "v1", "pods") if path == "/api" else GVR("apps", "v1", "deployments"))
    assert (await get(tag))[0] == 200


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        ("", ""),
        ("application/json", ""),
        (AGGREGATED, "application/json"),
        (f"application/json,{AGGREGATED}", "application/json"),
        (AGGREGATED.replace("json", "yaml"), "application/yaml"),
        (AGGREGATED.replace("v2", "v2beta1"), ""),
    ],
)
def test_only_who_asks_for_this_version_gets_all_at_once(accept: str, media_type: str) -> None:
    assert aggregated(accept) == media_type
