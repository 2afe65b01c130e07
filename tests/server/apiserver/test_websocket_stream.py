"""Watches and logs as WebSocket messages: what is one message, what clients may ask for, how it ends."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

import aiohttp
import pytest
from aiohttp import WSMsgType, web
from aiohttp.test_utils import RawTestServer

from minik.server.apiserver import websocket_stream

LOG, WATCH, PROTOBUF = "text/plain", "application/json", "application/vnd.kubernetes.protobuf;stream=watch"
FROM = {"Origin": "https://example.com"}


class Source:
    """Chunks; after the last it ends, or goes on without a word."""

    def __init__(self, *chunks: bytes, ends: bool = True) -> None:
        self._chunks, self._ends = chunks, ends
        self.closed = asyncio.Event()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            for chunk in self._chunks:
                yield chunk
            if not self._ends:
                await asyncio.Event().wait()
        finally:
            self.closed.set()


async def talk(source: Source, content_type: str, *protocols: str, messages: int = -1, **headers: str) -> Any:
    """(protocol, messages) that a client gets that leaves after so many, or the status of a refusal."""

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        assert websocket_stream.wanted(request)
        return await websocket_stream.send(request, aiter(source), content_type)

    async with RawTestServer(handle) as server, aiohttp.ClientSession() as session, asyncio.timeout(5):
        url = str(server.make_url("/"))
        try:
            async with session.ws_connect(url, protocols=protocols, headers=headers) as socket:
                got: list[str | bytes] = []
                while len(got) != messages and (message := await socket.receive()).type in (
                    WSMsgType.TEXT,
                    WSMsgType.BINARY,
                ):
                    got.append(message.data)
            await source.closed.wait()
            return socket.protocol, got
        except aiohttp.WSServerHandshakeError as error:
            return error.status


@pytest.mark.parametrize(
    ("offered", "chosen", "expected"),
    [
        ((), None, [b"", b"one\ntwo", b"\xff"]),
        (("binary.k8s.io",), "binary.k8s.io", [b"", b"one\ntwo", b"\xff"]),
        (("base64.binary.k8s.io", "binary.k8s.io"), "base64.binary.k8s.io", ["", "b25lCnR3bw==", "/w=="]),
        (("base64url.bearer.authorization.k8s.io.dG9r", "binary.k8s.io"), "binary.k8s.io", [b"", b"one\ntwo", b"\xff"]),
    ],
)
async def test_a_log_comes_as_it_is_or_in_base64(
    offered: Sequence[str], chosen: str | None, expected: list[str | bytes]
) -> None:
    assert await talk(Source(b"one\ntwo", b"\xff"), LOG, *offered) == (chosen, expected)


async def test_a_watch_sends_a_message_an_event() -> None:
    source = Source(b'{"a":1}\n{"b":2}\n', '{"c":"\u2028"}\n'.encode())
    assert await talk(source, WATCH, **FROM) == (None, ['{"a":1}\n', '{"b":2}\n', '{"c":"\u2028"}\n'])
    framed = b"\0\0\0\x03abc\0\0\0\x01d"
    assert await talk(Source(framed), PROTOBUF, "any", **FROM) == ("any", [b"abc", b"d"])


async def test_who_does_not_fit_is_refused() -> None:
    assert await talk(Source(b"x"), WATCH) == 403  # who does not say where it comes from
    assert await talk(Source(b"x"), LOG, "other") == 403


async def test_an_answer_ends_when_its_client_goes() -> None:
    assert await talk(Source(b"{}\n", ends=False), WATCH, messages=1, **FROM) == (None, ["{}\n"])
