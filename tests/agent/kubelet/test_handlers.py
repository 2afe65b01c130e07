"""What probes and hooks take for an answer over HTTP."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import RawTestServer

from minik.agent.kubelet.handlers import Handlers, Outcome, Target

ELSEWHERE = "http://0.0.0.0/"


async def answer(request: web.BaseRequest) -> web.Response:
    path = request.path
    if path == "/echo":
        return web.Response(text=f"{request.headers['User-Agent']} {request.headers.get('X-Own')}")
    if path == "/round":
        return web.Response(status=302, headers={"Location": "/round"})
    if path == "/away":
        return web.Response(status=301, headers={"Location": ELSEWHERE}, text="gone")
    if path == "/near":
        return web.Response(status=307, headers={"Location": "/echo"})
    return web.Response(status=int(path[1:]), text="said")


@pytest.fixture
async def port() -> AsyncIterator[int]:
    async with RawTestServer(answer) as server:
        assert server.port is not None
        yield server.port


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/200", Outcome(True, "said")),
        ("/echo", Outcome(True, "kube-probe/1.36 mine")),
        ("near", Outcome(True, "kube-probe/1.36 mine")),
        ("/away", Outcome(True, "Probe terminated redirects, Response body: gone", warns=True)),
        ("/304", Outcome(True, "Probe terminated redirects, Response body: ", warns=True)),
        ("/404", Outcome(False, "HTTP probe failed with statuscode: 404")),
        ("/500", Outcome(False, "HTTP probe failed with statuscode: 500")),
        ("/round", Outcome(False, 'Get "/round": stopped after 10 redirects')),
    ],
)
async def test_what_an_http_action_makes_of_an_answer(port: int, path: str, expected: Outcome) -> None:
    action = {"path": path, "port": port, "httpHeaders": [{"name": "X-Own", "value": "mine"}]}
    assert await ask(action) == expected


async def test_a_missing_port_is_no_failure_of_the_program(port: int) -> None:
    assert await ask({"port": "web"}) == Outcome(False, "couldn't find port: web", errored=True)


async def ask(action: dict[str, Any]) -> Outcome:
    handlers = Handlers()
    try:
        target = Target(None, "id", {"name": "c"}, "127.0.0.1")  # type: ignore[arg-type]
        return await handlers.run({"httpGet": action}, target, 5.0)
    finally:
        await handlers.close()
