"""Answers that go on for long (watches, logs) as WebSocket messages, for clients that ask for them so: browsers.

A watch sends a message an event, and wants to know where the client comes from (Origin); a log sends its bytes as they
come, after an empty message that proves the connection.
Upstream: HandleWS of apiserver's watches, and the readers of k8s.io/streaming's wsstream.
"""

import asyncio
import base64
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence

from aiohttp import WSMsgType, web

from minik.server.apiserver.stream_connection import close_stream
from minik.upgrade import upgrade_of

_BINARY, _BASE64 = "binary.k8s.io", "base64.binary.k8s.io"
_LENGTH = 4  # bytes before a protobuf message of a stream
_CREDENTIALS = "base64url.bearer."  # a protocol that only carries a token

Message = str | bytes
Split = Callable[[bytes], Iterable[Message]]


def wanted(incoming: web.BaseRequest) -> bool:
    """Whether the client asks for the answer as messages."""
    asks = "upgrade" in incoming.headers.get("connection", "").lower()
    return asks and upgrade_of(incoming.headers).lower() == "websocket"


async def send(incoming: web.BaseRequest, chunks: AsyncIterator[bytes], content_type: str) -> web.StreamResponse:
    """Sends until `chunks` are over or the client goes. `content_type` is what they would be without WebSocket."""
    offered = _offered(incoming)
    if content_type == "text/plain":
        protocol, split, first = _of_log(offered)
        refusal = "" if protocol is not None else _unsupported(offered)
    else:
        protocol, split, first = next(iter(offered), ""), _of_watch(content_type), ()
        refusal = "" if "origin" in incoming.headers else "null origin"
    if refusal:
        await close_stream(chunks)
        return web.Response(status=403, text=refusal)
    socket = web.WebSocketResponse(protocols=[protocol] if protocol else [], compress=False)
    await socket.prepare(incoming)
    sending = asyncio.create_task(_send(socket, chunks, split, first), name="websocket-stream")
    reading = asyncio.create_task(_ignore(socket), name="websocket-reader")
    try:
        await asyncio.wait([sending, reading], return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (sending, reading):
            task.cancel()
        await asyncio.gather(sending, reading, return_exceptions=True)
        await close_stream(chunks)
    await socket.close()
    return socket


def _offered(incoming: web.BaseRequest) -> Sequence[str]:
    names = ",".join(incoming.headers.getall("Sec-WebSocket-Protocol", ())).split(",")
    return [name.strip() for name in names if name.strip() and not name.strip().startswith(_CREDENTIALS)]


def _of_log(offered: Sequence[str]) -> tuple[str | None, Split, Sequence[Message]]:
    """The protocol (None: no good one was offered), how to send bytes in it, and what comes first."""
    protocol = next((name for name in offered if name in (_BINARY, _BASE64)), None if offered else "")
    if protocol == _BASE64:
        return protocol, lambda chunk: [base64.b64encode(chunk).decode()], [""]
    return protocol, lambda chunk: [chunk], [b""]


def _unsupported(offered: Sequence[str]) -> str:
    return f"requested protocol(s) are not supported: [{' '.join(offered)}]; supports [ {_BINARY} {_BASE64}]"


def _of_watch(content_type: str) -> Split:
    if "json" in content_type or "yaml" in content_type:
        return lambda chunk: (line.decode() for line in chunk.splitlines(keepends=True))
    return _messages


def _messages(chunk: bytes) -> Iterator[bytes]:
    at = 0
    while at < len(chunk):
        start = at + _LENGTH
        at = start + int.from_bytes(chunk[at:start], "big")
        yield chunk[start:at]


async def _send(
    socket: web.WebSocketResponse, chunks: AsyncIterator[bytes], split: Split, first: Iterable[Message]
) -> None:
    for message in first:
        await _send_one(socket, message)
    async for chunk in chunks:
        for message in split(chunk):
            await _send_one(socket, message)


async def _send_one(socket: web.WebSocketResponse, message: Message) -> None:
    if isinstance(message, str):
        await socket.send_str(message)
    else:
        await socket.send_bytes(message)


async def _ignore(socket: web.WebSocketResponse) -> None:
    """Until the client closes; what it says does not matter."""
    while (await socket.receive()).type not in (WSMsgType.CLOSE, WSMsgType.CLOSING, WSMsgType.CLOSED, WSMsgType.ERROR):
        pass
