from collections.abc import AsyncIterator

import aiohttp
import pytest

from minik.api.request import Request, Response
from minik.server.apiserver.http_door import HttpDoor

BIG = b"x" * 300_000
ANSWERS = {
    "/small": Response(body=b'{"a":1}'),
    "/big": Response(body=BIG, content_type="text/plain"),
    "/warned": Response(body=b"{}", warnings=["careful"]),
    "/empty": Response(status=404, body=b"", content_type=""),
}


@pytest.fixture
async def url() -> AsyncIterator[str]:
    async def handle(request: Request) -> Response:
        return ANSWERS[request.path]

    door = HttpDoor(handle)
    server = await door.listen("127.0.0.1", 0, None)
    yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    server.close()
    await door.close()


@pytest.fixture
async def client() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


async def test_head_and_body_arrive(url: str, client: aiohttp.ClientSession) -> None:
    async with client.get(url + "/small", headers={"Audit-Id": "mine"}) as answer:
        assert await answer.read() == b'{"a":1}'
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["Audit-Id"] == "mine"
    assert answer.headers["Cache-Control"] == "no-cache, private"
    assert answer.headers["Date"].endswith(" GMT")


async def test_a_large_body_arrives_whole_and_the_connection_goes_on(url: str, client: aiohttp.ClientSession) -> None:
    for _ in range(3):
        async with client.get(url + "/big", headers={"Accept-Encoding": "identity"}) as answer:
            assert await answer.read() == BIG


async def test_head_tells_the_length_and_sends_no_body(url: str, client: aiohttp.ClientSession) -> None:
    async with client.head(url + "/small") as answer:
        assert answer.headers["Content-Length"] == "7"
        assert await answer.read() == b""
    async with client.get(url + "/small") as answer:
        assert await answer.read() == b'{"a":1}'


async def test_warnings_and_errors_are_answered_too(url: str, client: aiohttp.ClientSession) -> None:
    async with client.get(url + "/warned") as answer:
        assert answer.headers["Warning"] == '299 - "careful"'
    async with client.get(url + "/empty") as answer:
        assert (answer.status, answer.reason) == (404, "Not Found")


async def test_who_wants_to_close_is_closed(url: str, client: aiohttp.ClientSession) -> None:
    async with client.get(url + "/small", headers={"Connection": "close"}) as answer:
        assert answer.headers["Connection"] == "close"


async def test_line_feeds_of_a_client_never_reach_the_head(url: str, client: aiohttp.ClientSession) -> None:
    twice = [("Audit-Id", "one"), ("Audit-Id", "two")]
    async with client.get(url + "/small", headers=twice) as answer:
        assert "\n" not in answer.headers["Audit-Id"]
