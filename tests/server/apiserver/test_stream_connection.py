"""Answers that go on: what their connection carries during and after them."""

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest

from minik.api.request import Request, Response, Sink
from minik.server.apiserver.http_door import HttpDoor

HEAD = b"GET /%b HTTP/1.1\r\nHost: x\r\n\r\n"
LAST_CHUNK = b"0\r\n\r\n"


class Streams:
    """A door whose /stream sends what the test puts into `chunks` until None comes; anything else is answered {}."""

    def __init__(self) -> None:
        self.chunks: asyncio.Queue[bytes | Exception | None] = asyncio.Queue()
        self.over = asyncio.Event()
        self.sink: Sink | None = None
        self.door = HttpDoor(self.handle)

    async def handle(self, request: Request) -> Response:
        if request.path == "/broken":
            raise RuntimeError("broken")
        if request.path != "/stream":
            return Response(body=b"{}")
        return Response(stream=self.stream(), direct=self.attach)

    async def stream(self) -> AsyncIterator[bytes]:
        try:
            while (chunk := await self.chunks.get()) is not None:
                if isinstance(chunk, Exception):
                    raise chunk
                yield chunk
        finally:
            self.over.set()

    def attach(self, sink: Sink) -> None:
        self.sink = sink


class Client:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def until(self, end: bytes) -> bytes:
        async with asyncio.timeout(5):
            return await self.reader.readuntil(end)

    async def rest(self) -> bytes:
        async with asyncio.timeout(5):
            return await self.reader.read()


@pytest.fixture
async def server() -> AsyncIterator[Streams]:
    streams = Streams()
    streams.listening = await streams.door.listen("127.0.0.1", 0, None)  # type: ignore[attr-defined]
    yield streams
    streams.listening.close()  # type: ignore[attr-defined]
    await streams.door.close()


@pytest.fixture
async def connect(server: Streams) -> AsyncIterator[Callable[[], asyncio.Future[Client]]]:
    writers = []
    port = server.listening.sockets[0].getsockname()[1]  # type: ignore[attr-defined]

    async def client() -> Client:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writers.append(writer)
        return Client(reader, writer)

    yield client  # type: ignore[misc]
    for writer in writers:
        writer.close()


async def test_a_connection_takes_requests_after_a_stream(server: Streams, connect: Callable) -> None:
    client = await connect()
    for _ in range(2):
        client.writer.write(HEAD % b"stream")
        head = await client.until(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 OK\r\n")
        assert b"Transfer-Encoding: chunked\r\n" in head
        assert b"Connection: close" not in head
        server.chunks.put_nowait(b"one")
        assert await client.until(b"one\r\n") == b"3\r\none\r\n"
        server.chunks.put_nowait(None)
        assert await client.until(LAST_CHUNK) == LAST_CHUNK
        client.writer.write(HEAD % b"other")
        assert (await client.until(b"{}")).startswith(b"HTTP/1.1 200 OK\r\n")


async def test_what_comes_during_a_stream_is_answered_after_it(server: Streams, connect: Callable) -> None:
    client = await connect()
    client.writer.write(HEAD % b"stream")
    await client.until(b"\r\n\r\n")
    client.writer.write(HEAD % b"other" + b"POST /long HTTP/1.1\r\nHost: x\r\nContent-Length: 200000\r\n\r\n")
    client.writer.write(b"x" * 200_000)
    server.chunks.put_nowait(b"one")
    await client.until(b"one\r\n")
    server.chunks.put_nowait(None)
    await client.until(LAST_CHUNK)
    for _ in range(2):
        assert (await client.until(b"{}")).startswith(b"HTTP/1.1 200 OK\r\n")


async def test_a_pipelined_request_ends_with_the_connection(server: Streams, connect: Callable) -> None:
    client = await connect()
    client.writer.write(HEAD % b"stream" + HEAD % b"other")
    assert b"Connection: close\r\n" in await client.until(b"\r\n\r\n")
    server.chunks.put_nowait(None)
    assert await client.rest() == LAST_CHUNK


async def test_an_old_client_gets_bytes_as_they_are(server: Streams, connect: Callable) -> None:
    client = await connect()
    client.writer.write(b"GET /stream HTTP/1.0\r\n\r\n")
    assert b"chunked" not in await client.until(b"\r\n\r\n")
    server.chunks.put_nowait(b"one")
    server.chunks.put_nowait(None)
    assert await client.rest() == b"one"
    assert server.sink is None  # what is written to a sink is chunked


async def test_the_stream_ends_when_its_client_goes(server: Streams, connect: Callable) -> None:
    client = await connect()
    client.writer.write(HEAD % b"stream")
    await client.until(b"\r\n\r\n")
    client.writer.close()
    async with asyncio.timeout(5):
        await server.over.wait()
    assert server.sink is not None
    server.sink.write(b"nobody listens")
    assert server.sink.paused


async def test_a_failure_cuts_the_connection_in_the_middle(server: Streams, connect: Callable) -> None:
    client = await connect()
    client.writer.write(HEAD % b"stream")
    await client.until(b"\r\n\r\n")
    server.chunks.put_nowait(RuntimeError("broken"))
    assert await client.rest() == b""


async def test_answers_do_not_name_the_library_that_sends_them(server: Streams, connect: Callable) -> None:
    for request in (HEAD % b"other", b"FOO /x HTTP/1.1\r\nHost: x\r\n\r\n", b"nonsense\r\n\r\n"):
        client = await connect()
        client.writer.write(request)
        assert b"\r\nserver:" not in (await client.until(b"\r\n\r\n")).lower()


async def test_a_broken_handler_is_told_of_as_upstream_does(connect: Callable) -> None:
    client = await connect()
    client.writer.write(HEAD % b"broken")
    assert (await client.until(b"\r\n\r\n")).startswith(b"HTTP/1.1 500 Internal Server Error\r\n")
    assert await client.rest() == b"This request caused apiserver to panic. Look in the logs for details.\n"


async def test_closing_the_door_ends_streams_in_good_form(server: Streams, connect: Callable) -> None:
    client = await connect()
    client.writer.write(HEAD % b"stream")
    await client.until(b"\r\n\r\n")
    await server.door.close()
    assert await client.rest() == LAST_CHUNK
    assert server.over.is_set()


async def test_closing_the_door_ends_idle_connections_at_once(server: Streams, connect: Callable) -> None:
    client = await connect()
    client.writer.write(HEAD % b"other")
    await client.until(b"{}")
    async with asyncio.timeout(1):
        await server.door.close()
    assert await client.rest() == b""


async def test_a_slow_client_is_waited_for(server: Streams, connect: Callable) -> None:
    client = await connect()
    client.writer.write(HEAD % b"stream")
    await client.until(b"\r\n\r\n")
    chunk = b"x" * (1 << 20)
    for _ in range(32):
        server.chunks.put_nowait(chunk)
    for number in range(32):
        assert await client.until(b"\r\n") == b"100000\r\n"
        async with asyncio.timeout(5):
            assert await client.reader.readexactly(len(chunk) + 2) == chunk + b"\r\n"
        assert number or not server.chunks.empty()
    assert server.sink is not None
    assert not server.sink.paused
