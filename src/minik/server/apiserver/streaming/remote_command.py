"""Exec and attach over WebSocket `v5.channel.k8s.io`, carried on to a kubelet that speaks SPDY.

Version 5 adds a CLOSE message (channel 255) to version 4, so that stdin can end while output goes on; kubelets do not
know it, so the API server translates, as upstream's does (KEP-4006).

    client  --WebSocket: one byte channel, then data-->  here  --SPDY: one stream a channel-->  kubelet
"""

import asyncio
import contextlib
from collections.abc import Mapping

import orjson
from aiohttp import WSMsgType, web

from minik.api.status import StatusError
from minik.server.apiserver.streaming.spdy import SpdyConnection, SpdyStream

PROTOCOL = "v5.channel.k8s.io"
SPDY_PROTOCOL = "v4.channel.k8s.io"
MOMENT = 0.5  # seconds; who was attached for longer has not come too late
STDIN, STDOUT, STDERR, ERROR, RESIZE, CLOSE = 0, 1, 2, 3, 4, 255
_NAMES = {STDIN: "stdin", STDOUT: "stdout", STDERR: "stderr", ERROR: "error", RESIZE: "resize"}


def channels(query: Mapping[str, str]) -> list[int]:
    """The channels a request for exec or attach opens, in the order upstream's client opens them."""

    def wanted(name: str) -> bool:
        return query.get(name, "").lower() in ("1", "true")

    chosen = [ERROR]
    if wanted("stdin"):
        chosen.append(STDIN)
    if wanted("stdout"):
        chosen.append(STDOUT)
    if wanted("stderr") and not wanted("tty"):
        chosen.append(STDERR)
    if wanted("tty"):
        chosen.append(RESIZE)
    return chosen


async def say_established(socket: web.WebSocketResponse, opened: list[int]) -> None:
    """An empty message on the lowest channel the client reads: clients wait for it."""
    channel = next(c for c in (STDOUT, STDERR, ERROR) if c in opened)
    await socket.send_bytes(bytes([channel]))


async def report(socket: web.WebSocketResponse, error: StatusError) -> None:
    """The outcome of a command that could not be run. Does nothing if the client has gone."""
    if not socket.closed:
        with contextlib.suppress(ConnectionError):
            await socket.send_bytes(bytes([ERROR]) + orjson.dumps(error.status()))


async def translate(
    socket: web.WebSocketResponse, kubelet: SpdyConnection, opened: list[int], *, silence: bytes = b""
) -> None:
    """Carry both directions until the kubelet has reported the outcome or the client is gone.

    `silence` is the outcome to report when nothing else came: who attaches to a program that is over in a moment
    can be too late for all it said, and kubectl shows its log instead when it is told so.
    """
    streams: dict[int, SpdyStream] = {}
    for channel in opened:
        streams[channel] = await kubelet.open_stream({"streamType": _NAMES[channel]})
    for stream in streams.values():
        await stream.wait_accepted()
    await streams[ERROR].close()
    outputs = [c for c in (ERROR, STDOUT, STDERR) if c in streams]
    incoming = asyncio.create_task(_from_client(socket, streams), name="exec input")
    output = {c: streams[c] for c in outputs}
    outgoing = asyncio.create_task(_all_to_client(socket, output, silence), name="exec output")
    try:
        await asyncio.wait([incoming, outgoing], return_when=asyncio.FIRST_COMPLETED)
        if not socket.closed:
            await outgoing
    except* ConnectionError:
        pass  # the client left; whoever is still connected is told by the closing of the connections
    finally:
        incoming.cancel()
        outgoing.cancel()
        await asyncio.wait([incoming, outgoing])


async def _all_to_client(socket: web.WebSocketResponse, streams: Mapping[int, SpdyStream], silence: bytes) -> None:
    loop = asyncio.get_running_loop()
    began = loop.time()
    async with asyncio.TaskGroup() as tasks:
        outputs = [tasks.create_task(_to_client(socket, c, stream)) for c, stream in streams.items() if c != ERROR]
        if not silence:
            tasks.create_task(_to_client(socket, ERROR, streams[ERROR]))
    if silence and loop.time() - began < MOMENT and not any(output.result() for output in outputs):
        await socket.send_bytes(bytes([ERROR]) + silence)
    elif silence:
        await _to_client(socket, ERROR, streams[ERROR])


async def _to_client(socket: web.WebSocketResponse, channel: int, stream: SpdyStream) -> int:
    """Returns how many bytes there were."""
    prefix, count = bytes([channel]), 0
    while data := await stream.read():
        await socket.send_bytes(prefix + data)
        count += len(data)
    return count


async def _from_client(socket: web.WebSocketResponse, streams: Mapping[int, SpdyStream]) -> None:
    """Ends when the client closes the WebSocket; then whatever is still open towards the kubelet is reset."""
    open_channels = {c for c in (STDIN, RESIZE) if c in streams}
    async for message in socket:
        content = message.data.encode() if message.type is WSMsgType.TEXT else message.data
        if message.type not in (WSMsgType.BINARY, WSMsgType.TEXT) or not content:
            continue
        channel, data = content[0], content[1:]
        if channel == CLOSE and data and data[0] in open_channels:
            open_channels.discard(data[0])
            await streams[data[0]].close()
        elif channel in open_channels and data:
            await streams[channel].write(data)
    for stream in streams.values():
        await stream.reset()
