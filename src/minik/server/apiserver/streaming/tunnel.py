"""Upgraded connections carried through as they are: bytes from the client to the kubelet and back.

aiohttp ends HTTP at an upgrade it knows (WebSocket) and hands further bytes to a parser; `Tunnel` is that parser. It
knows no others, so `Connection` disguises SPDY upgrades as WebSocket ones before aiohttp sees them.
"""

import asyncio
import contextlib
import re
from collections.abc import Mapping

from aiohttp import web
from aiohttp.abc import AbstractStreamWriter

from minik.server.apiserver.streaming.kubelets import Head

CHUNK = 64 * 1024  # bytes read at once
HIGH_WATER = 1 << 20  # bytes towards the kubelet that may wait before the client is not read any more
UPGRADE = "x-minik-upgrade"  # what the client's Upgrade header said before it was disguised
_SPDY_HEAD = re.compile(
    rb"(?:GET|POST) [^\r\n]+ HTTP/1\.1\r\n(?:[^\r\n]+\r\n)*?Upgrade: *(SPDY/3\.1)\r\n", re.IGNORECASE
)


def disguised(data: bytes) -> bytes:
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
        super().data_received(disguised(data))


class UpgradingServer(web.Server):
    """aiohttp's low-level server over such connections."""

    def __call__(self) -> Connection:
        return Connection(self, loop=self._loop, **self._kwargs)


def upgrade_of(headers: Mapping[str, str]) -> str:
    """What the client wants to upgrade to ("SPDY/3.1", "websocket"), or nothing."""
    return headers.get(UPGRADE) or headers.get("upgrade", "")


class Tunnel:
    """Takes what the client sends after the upgrade (aiohttp's payload parser protocol) and passes it on."""

    def __init__(self, kubelet: asyncio.StreamWriter, client: asyncio.Transport) -> None:
        self._kubelet = kubelet
        self._client = client
        self._changed = asyncio.Event()
        self._ended = False

    def feed_data(self, data: bytes) -> tuple[bool, bytes]:
        if not self._kubelet.is_closing():
            self._kubelet.write(bytes(data))
            if self._kubelet.transport.get_write_buffer_size() > HIGH_WATER:
                self._client.pause_reading()
                self._changed.set()
        return False, b""

    def feed_eof(self) -> None:
        self._ended = True
        self._changed.set()

    async def run(self) -> None:
        """Until the client is gone; reads on from it once the kubelet has taken what it got."""
        while not self._ended:
            await self._changed.wait()
            self._changed.clear()
            try:
                await self._kubelet.drain()
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
    """Answer 101 as the kubelet did and carry bytes until either side ends. Closes both connections."""
    client = request.transport
    if client is None:
        writer.close()
        raise ConnectionResetError("the client has gone")
    tunnel = Tunnel(writer, client)
    request.protocol.set_parser(tunnel)  # type: ignore[arg-type]  # typed for WebSocket's parser only
    client.write(head.raw)
    tasks = [
        asyncio.create_task(_backward(reader, request, client), name="tunnel to client"),
        asyncio.create_task(tunnel.run(), name="tunnel to kubelet"),
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
    """Kubelet to client, no faster than the client reads."""
    with contextlib.suppress(ConnectionError):
        while data := await reader.read(CHUNK):
            client.write(data)
            await request.protocol._drain_helper()  # what aiohttp's own writers wait for


def upgrade_headers(request: web.BaseRequest, authority: str) -> Mapping[str, str]:
    """The client's headers as the kubelet may see them: no credentials, the right host, the true Upgrade."""
    dropped = {"authorization", "host", UPGRADE, "upgrade", "connection", "content-length", "cookie"}
    kept = {k: v for k, v in request.headers.items() if k.lower() not in dropped and not _secret(k)}
    if protocols := request.headers.get("Sec-WebSocket-Protocol"):
        names = [p.strip() for p in protocols.split(",")]
        kept["Sec-WebSocket-Protocol"] = ", ".join(n for n in names if not n.startswith("base64url.bearer."))
    return {"Host": authority, "Connection": "Upgrade", "Upgrade": upgrade_of(request.headers), **kept}


def _secret(name: str) -> bool:
    return name.lower().startswith(("impersonate-", "x-remote-"))
