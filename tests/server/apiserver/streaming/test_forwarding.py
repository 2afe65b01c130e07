"""One request through a proxy subresource: what the target gets to see, and what the client gets back."""

import gzip
import json
import socket
from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp import web
from yarl import URL

from minik.server.apiserver.streaming.forwarding import LARGEST_PAGE, Target, forward
from minik.upgrade import UpgradingServer

PACKED = {"Content-Encoding": "gzip"}
TORN, BOMB = gzip.compress(b'<a href="/x">')[:-9], gzip.compress(b" " * (LARGEST_PAGE + 1))
LONG = b'<a href="/x">' + b" " * LARGEST_PAGE
PREFIX = "/api/v1/namespaces/ns/pods/p/proxy"


async def pod(request: web.BaseRequest) -> web.StreamResponse:
    """What runs in the Pod."""
    path = request.path
    if path == "/page":
        return web.Response(
            body=gzip.compress(b'<a href="/x">'), headers={"Content-Encoding": "gzip"}, content_type="text/html"
        )
    if path in ("/torn", "/bomb"):
        return web.Response(body=TORN if path == "/torn" else BOMB, headers=PACKED, content_type="text/html")
    if path == "/long":
        return web.Response(body=LONG, content_type="text/html")
    if path == "/away":
        return web.Response(status=302, headers={"Location": "/there/", "Access-Control-Allow-Origin": "*"})
    if path == "/socket":
        opened = web.WebSocketResponse()
        await opened.prepare(request)
        await opened.send_str("hello " + (await opened.receive_str()))
        return opened
    told = {"method": request.method, "path": request.raw_path, "body": await request.text()}
    return web.json_response(told | {"headers": {k.lower(): v for k, v in request.headers.items()}})


async def serving(handler: web.Server) -> AsyncIterator[int]:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        runner = web.ServerRunner(handler)
        await runner.setup()
        await web.SockSite(runner, listening).start()
        yield listening.getsockname()[1]
        await runner.cleanup()


def door_to(port: int) -> web.Server:
    async def answer(incoming: web.BaseRequest) -> web.StreamResponse:
        return await forward(incoming, Target("http", "127.0.0.1", port, incoming.path.removeprefix(PREFIX)))

    return UpgradingServer(answer)


@pytest.fixture
async def url() -> AsyncIterator[str]:
    async for port in serving(web.Server(pod)):
        async for door in serving(door_to(port)):
            yield f"http://127.0.0.1:{door}{PREFIX}"


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
async def test_the_target_sees_the_request_without_credentials(url: str, method: str) -> None:
    headers = {"Authorization": "Bearer x", "Impersonate-User": "jane", "X-Forwarded-For": "192.0.2.1", "Cookie": "a=b"}
    async with aiohttp.ClientSession() as client:
        asked = URL(f"{url}/a%20b/?q=%2F", encoded=True)
        answer = await client.request(method, asked, headers=headers, data=b"body")
        told = await answer.json()
    assert (told["method"], told["path"], told["body"]) == (method, "/a%20b/?q=%2F", "body")
    assert told["headers"]["x-forwarded-uri"] == f"{PREFIX}/a%20b/"
    assert told["headers"]["x-forwarded-for"] == "192.0.2.1, 127.0.0.1"
    assert told["headers"]["host"] == answer.url.authority  # the API server's, as the client asked for it
    assert told["headers"]["cookie"] == "a=b"
    assert not {"authorization", "impersonate-user", "x-forwarded-host"} & set(told["headers"])


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_without_a_path_it_is_redirected_to_the_root(url: str, method: str) -> None:
    async with aiohttp.ClientSession() as client:
        answer = await client.request(method, f"{url}?a=b", allow_redirects=False)
    assert (answer.status, answer.headers["Location"]) == (301, f"{PREFIX}/?a=b")


async def test_what_writes_goes_to_the_root_at_once(url: str) -> None:
    async with aiohttp.ClientSession() as client:
        told = await (await client.post(f"{url}?a=b")).json()
    assert (told["path"], told["headers"]["x-forwarded-uri"]) == ("/?a=b", PREFIX)


async def test_pages_and_redirects_lead_through_the_proxy(url: str) -> None:
    async with aiohttp.ClientSession() as client:
        page = await client.get(f"{url}/page")
        assert await page.text() == f'<a href="{PREFIX}/x">'
        away = await client.get(f"{url}/away", allow_redirects=False)
    assert away.headers["Location"] == f"{PREFIX}/there/"
    assert "Access-Control-Allow-Origin" not in away.headers


@pytest.mark.parametrize(("path", "body"), [("torn", TORN), ("bomb", BOMB), ("long", LONG)])
async def test_pages_that_are_too_large_or_broken_go_on_as_they_came(url: str, path: str, body: bytes) -> None:
    async with aiohttp.ClientSession(auto_decompress=False) as client:
        answer = await client.get(f"{url}/{path}")
        assert await answer.read() == body
    assert answer.headers["Content-Length"] == str(len(body))


async def test_websockets_are_carried_through(url: str) -> None:
    async with aiohttp.ClientSession() as client, client.ws_connect(f"{url}/socket") as socket:
        await socket.send_str("you")
        assert await socket.receive_str(timeout=5) == "hello you"


async def test_what_cannot_be_reached_is_said_in_gos_words() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]

    async for door in serving(door_to(port)):
        async with aiohttp.ClientSession() as client:
            refused = await client.get(f"http://127.0.0.1:{door}{PREFIX}/")
            status = json.loads(await refused.read())
    assert (refused.status, status["reason"]) == (503, "ServiceUnavailable")
    reason = f"dial tcp 127.0.0.1:{port}: connect: connection refused"
    assert status["message"] == f"error trying to reach service: {reason}"
