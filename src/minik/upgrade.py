"""HTTP connections that stop being HTTP: what the API server and kubelets share to carry them through.

A client asks to upgrade (WebSocket, SPDY); the next hop answers 101; from there on bytes go both ways unread. aiohttp
ends HTTP at an upgrade it knows (WebSocket) and hands further bytes to a parser; `Tunnel` is that parser. It knows no
others, so `Connection` disguises SPDY upgrades as WebSocket ones before aiohttp sees them.
"""

import asyncio
import contextlib
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import StreamReader, web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.http import SERVER_SOFTWARE, RawRequestMessage
from multidict import CIMultiDict

CHUNK = 64 * 1024  # bytes read at once
HIGH_WATER = 1 << 20  # bytes towards the next hop that may wait before the client is not read any more
HEAD_LIMIT = 64 * 1024  # bytes of an answer's head
REFUSAL_LIMIT = 64 * 1024  # bytes of the text of a refusal
UPGRADE = "x-minik-upgrade"  # what the client's Upgrade header said before it was disguised
# of a request: the headers its answer gets whoever writes it, unless it upgrades
ANSWERED_WITH = web.RequestKey("ANSWERED_WITH", dict[str, str])
_SPDY_HEAD = re.compile(
    rb"(?:GET|POST) [^\r\n]+ HTTP/1\.1\r\n(?:[^\r\n]+\r\n)*?Upgrade: *(SPDY/3\.1)\r\n", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Head:
    """Status line and headers (lower-case names) of an answer."""

    status: int
    reason: str
    headers: Mapping[str, str]
    raw: bytes


class UpgradeRefused(Exception):
    """The next hop did not answer 101. `body` is what it said instead."""

    def __init__(self, status: int, body: str) -> None:
        super().__init__(f"{status}: {body}")
        self.status = status
        self.body = body


def _disguised(data: bytes) -> bytes:
    """A request head that upgrades to SPDY, made to look like WebSocket; anything else unchanged."""
    if b"SPDY/3.1" not in data[:8192] and b"spdy/3.1" not in data[:8192]:
        return data
    found = _SPDY_HEAD.match(data)
    if found is None:
        return data
    start, end = found.span(1)
    return b"%bwebsocket\r\n%b: SPDY/3.1%b" % (data[:start], UPGRADE.encode(), data[end:])


class Connection(web.RequestHandler):
    """aiohttp's connection handler, taught to let go of a connection that is to become SPDY."""

    __slots__ = ()

    def data_received(self, data: bytes) -> None:
        super().data_received(_disguised(data))


class _Request(web.BaseRequest):
    """Its answers do not name aiohttp: upstream's servers do not say what they are."""

    async def _prepare_hook(self, response: web.StreamResponse) -> None:
        if response.headers.get("Server") == SERVER_SOFTWARE:
            del response.headers["Server"]
        if response.status != 101:
            response.headers.extend(self.get(ANSWERED_WITH, ()))


class UpgradingServer(web.Server):
    """aiohttp's low-level server over such connections."""

    def __init__(self, handler: Callable[..., Awaitable[web.StreamResponse]], **settings: Any) -> None:
        super().__init__(handler, request_factory=self._request, **settings)

    def _request(
        self,
        message: RawRequestMessage,
        payload: StreamReader,
        protocol: web.RequestHandler,
        writer: AbstractStreamWriter,
        task: "asyncio.Task[None]",
    ) -> _Request:
        return _Request(message, payload, protocol, writer, task, self._loop)

    def __call__(self) -> Connection:
        return Connection(self, loop=self._loop, **self._kwargs)


def upgrade_of(headers: Mapping[str, str]) -> str:
    """What the client wants to upgrade to ("SPDY/3.1", "websocket"), or nothing."""
    return headers.get(UPGRADE) or headers.get("upgrade", "")


def upgrade_headers(request: web.BaseRequest, authority: str) -> CIMultiDict[str]:
    """The client's headers as the next hop may see them: no credentials, the right host, the true Upgrade.

    SPDY clients offer their protocols in a header each, so headers may be there more than once.
    """
    dropped = {"authorization", "host", UPGRADE, "upgrade", "connection", "content-length", "cookie"}
    kept = CIMultiDict({"Host": authority, "Connection": "Upgrade", "Upgrade": upgrade_of(request.headers)})
    kept.extend((k, v) for k, v in request.headers.items() if k.lower() not in dropped and not _secret(k))
    if protocols := request.headers.get("Sec-WebSocket-Protocol"):
        names = [p.strip() for p in protocols.split(",")]
        kept["Sec-WebSocket-Protocol"] = ", ".join(n for n in names if not n.startswith("base64url.bearer."))
    return kept


def _secret(name: str) -> bool:
    return name.lower().startswith(("impersonate-", "x-remote-"))


async def ask(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, method: str, path: str, headers: Mapping[str, str]
) -> Head:
    """Ask the next hop to upgrade. Raises UpgradeRefused, and ConnectionError when it says nothing sensible."""
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    if method == "POST":
        lines.append("Content-Length: 0")
    writer.write("\r\n".join([*lines, "", ""]).encode("latin-1"))
    await writer.drain()
    head = await _read_head(reader)
    if head.status != 101:
        length = min(REFUSAL_LIMIT, int(head.headers.get("content-length") or 1024))
        body = await reader.read(length)
        raise UpgradeRefused(head.status, body.decode(errors="replace").strip() or head.reason)
    return head


async def _read_head(reader: asyncio.StreamReader) -> Head:
    try:
        raw = await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        raise ConnectionError("the connection was closed before an answer") from None
    first, *lines = raw.decode("latin-1").split("\r\n")
    parts = first.split(" ", 2)
    if len(parts) < 2 or not parts[1].isdigit():
        raise ConnectionError("the answer is not HTTP")
    headers = {}
    for line in lines:
        key, separator, value = line.partition(":")
        if separator:
            headers[key.strip().lower()] = value.strip()
    return Head(int(parts[1]), parts[2] if len(parts) > 2 else "", headers, raw)


class Tunnel:
    """Takes what the client sends after the upgrade (aiohttp's payload parser protocol) and passes it on."""

    def __init__(self, next_hop: asyncio.StreamWriter, client: asyncio.Transport) -> None:
        self._next_hop = next_hop
        self._client = client
        self._changed = asyncio.Event()
        self._ended = False

    def feed_data(self, data: bytes) -> tuple[bool, bytes]:
        if not self._next_hop.is_closing():
            self._next_hop.write(bytes(data))
            if self._next_hop.transport.get_write_buffer_size() > HIGH_WATER:
                self._client.pause_reading()
                self._changed.set()
        return False, b""

    def feed_eof(self) -> None:
        self._ended = True
        self._changed.set()

    async def run(self) -> None:
        """Until the client is gone; reads on from it once the next hop has taken what it got."""
        while not self._ended:
            await self._changed.wait()
            self._changed.clear()
            try:
                await self._next_hop.drain()
            except ConnectionError:
                return
            if not self._ended and not self._client.is_closing():
                self._client.resume_reading()


class Upgraded(web.StreamResponse):
    """An answer that was already written to the connection by hand."""

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        self._eof_sent = True
        return None

    async def write_eof(self, data: bytes = b"") -> None:
        return None


async def carry(
    request: web.BaseRequest, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, head: Head
) -> web.StreamResponse:
    """Answer 101 as the next hop did and carry bytes until either side ends. Closes both connections."""
    client = request.transport
    if client is None:
        writer.close()
        raise ConnectionResetError("the client has gone")
    tunnel = Tunnel(writer, client)
    request.protocol.set_parser(tunnel)  # type: ignore[arg-type]  # typed for WebSocket's parser only
    client.write(head.raw)
    tasks = [
        asyncio.create_task(_backward(reader, request, client), name="tunnel to client"),
        asyncio.create_task(tunnel.run(), name="tunnel to next hop"),
    ]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        writer.close()
        client.close()
    response = Upgraded()
    response.force_close()
    return response


async def _backward(reader: asyncio.StreamReader, request: web.BaseRequest, client: asyncio.Transport) -> None:
    """Next hop to client, no faster than the client reads."""
    with contextlib.suppress(ConnectionError):
        while data := await reader.read(CHUNK):
            client.write(data)
            await request.protocol._drain_helper()  # what aiohttp's own writers wait for
