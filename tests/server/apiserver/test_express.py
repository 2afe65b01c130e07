"""The short way for known request heads answers exactly when the long way would, and never reads past a boundary."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from minik.api.request import Request, Response
from minik.server.apiserver.express import Framing, Head, is_bare_get
from minik.server.apiserver.http_door import HttpDoor
from minik.server.apiserver.short_way import ShortAnswer

GET = b"GET /api/v1/pods/a HTTP/1.1\r\nHost: x\r\n\r\n"
POST = b"POST /api/v1/pods HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n"


@pytest.mark.parametrize(
    ("data", "bare"),
    [
        (GET, True),
        (GET.replace(b"Host", b"Connection: keep-alive\r\nHost"), True),
        (GET.replace(b"Host", b"Connection: close\r\nHost"), False),
        (GET.replace(b"Host", b"Connection: Upgrade\r\nUpgrade: websocket\r\nHost"), False),
        (GET.replace(b"Host", b"content-length: 0\r\nHost"), False),
        (GET.replace(b"Host", b"Transfer-Encoding: chunked\r\nHost"), False),
        (GET + GET, False),
        (GET + b"x", False),
        (GET[:-1], False),
        (POST, False),
        (GET.replace(b"Host", b"X: " + b"x" * 9000 + b"\r\nHost"), False),
    ],
)
def test_only_a_whole_ordinary_get_is_bare(data: bytes, bare: bool) -> None:
    assert is_bare_get(data) is bare


@pytest.mark.parametrize(
    ("chunks", "at_end", "lost"),
    [
        ([GET], True, False),
        ([GET, GET], True, False),
        ([POST + b"12345"], True, False),
        ([POST, b"123"], False, False),
        ([POST, b"123", b"45"], True, False),
        ([POST + b"123456"], False, True),
        ([POST, b"123456"], False, True),
        ([GET + GET], False, True),
        ([GET[:20]], False, True),
        ([POST.replace(b"Content-Length: 5", b"Transfer-Encoding: chunked")], False, True),
        ([GET.replace(b"Host", b"Upgrade: websocket\r\nHost")], False, True),
    ],
)
def test_framing_knows_whether_the_last_request_is_whole(chunks: list[bytes], at_end: bool, lost: bool) -> None:
    framing = Framing()
    for chunk in chunks:
        framing.feed(chunk)
    assert (framing.at_end, framing.lost) == (at_end, lost)


class Server:
    """A door whose requests are counted by the way they took."""

    def __init__(self) -> None:
        self.long = self.short = 0
        self.waits = False
        self.body = b"{}"

    async def handle(self, request: Request) -> Response:
        self.long += 1
        return Response(body=request.body or self.body)

    def short_way(self, head: Head, certificate: bytes | None, remote: str) -> ShortAnswer | None:
        if self.waits:
            return None
        self.short += 1
        return ShortAnswer("application/json", self.body, None)


@pytest.fixture
async def server() -> Server:
    return Server()


@pytest.fixture
async def connection(server: Server) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    door = HttpDoor(server.handle, server.short_way)
    listening = await door.listen("127.0.0.1", 0, None)
    reader, writer = await asyncio.open_connection(*listening.sockets[0].getsockname()[:2])
    yield reader, writer
    writer.close()
    listening.close()
    await door.close()


async def answer(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    """Status line and body."""
    async with asyncio.timeout(5):
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:"))
        return head.split(b"\r\n")[0], await reader.readexactly(length)


async def ask(connection: tuple[asyncio.StreamReader, asyncio.StreamWriter], data: bytes) -> bytes:
    reader, writer = connection
    writer.write(data)
    status, body = await answer(reader)
    assert status == b"HTTP/1.1 200 OK"
    return body


async def test_a_head_takes_the_short_way_from_its_second_time_on(server, connection) -> None:
    for _ in range(3):
        assert await ask(connection, GET) == b"{}"
    assert (server.long, server.short) == (1, 2)


async def test_the_short_way_stays_open_after_requests_with_bodies(server, connection) -> None:
    await ask(connection, GET)
    assert await ask(connection, POST + b"12345") == b"12345"
    assert await ask(connection, GET) == b"{}"
    assert (server.long, server.short) == (2, 1)


async def test_what_would_wait_goes_the_long_way(server, connection) -> None:
    await ask(connection, GET)
    server.waits = True
    assert await ask(connection, GET) == b"{}"
    assert (server.long, server.short) == (2, 0)


async def test_requests_sent_together_are_answered_in_order(server, connection) -> None:
    await ask(connection, GET)
    other = GET.replace(b"pods/a", b"pods/b")
    reader, writer = connection
    writer.write(GET + other[:30])
    await answer(reader)
    writer.write(other[30:] + GET)
    await answer(reader)
    await answer(reader)
    assert (server.long, server.short) == (4, 0)


async def test_a_head_inside_a_body_is_no_request(server, connection) -> None:
    await ask(connection, GET)
    reader, writer = connection
    writer.write(b"POST /api/v1/pods HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(GET))
    await writer.drain()
    await asyncio.sleep(0)
    writer.write(GET)
    assert (await answer(reader))[1] == GET
    assert (server.long, server.short) == (2, 0)


async def test_large_answers_that_may_be_compressed_take_the_long_way(server, connection) -> None:
    wanting = GET.replace(b"Host", b"Accept-Encoding: gzip\r\nHost")
    await ask(connection, wanting)
    server.body = b"x" * 200_000
    reader, writer = connection
    writer.write(wanting)
    async with asyncio.timeout(5):
        head = await reader.readuntil(b"\r\n\r\n")
    assert b"Content-Encoding: gzip" in head
    assert server.long == 2
