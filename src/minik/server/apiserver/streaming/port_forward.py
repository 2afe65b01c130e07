"""Port-forward over WebSocket `SPDY/3.1+portforward.k8s.io`: SPDY bytes inside WebSocket messages (KEP-4006).

The API server takes them out of the messages and carries them to the kubelet, which sees an ordinary SPDY upgrade.
"""

import asyncio
import contextlib

from aiohttp import WSMsgType, web

PROTOCOL = "SPDY/3.1+portforward.k8s.io"
SPDY_PROTOCOL = "portforward.k8s.io"
CHUNK = 32 * 1024  # bytes in one message


async def carry_messages(
    socket: web.WebSocketResponse, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """Both ways until either side ends."""
    tasks = [
        asyncio.create_task(_to_client(socket, reader), name="port-forward to client"),
        asyncio.create_task(_to_kubelet(socket, writer), name="port-forward to kubelet"),
    ]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        writer.close()


async def _to_client(socket: web.WebSocketResponse, reader: asyncio.StreamReader) -> None:
    with contextlib.suppress(ConnectionError):
        while data := await reader.read(CHUNK):
            await socket.send_bytes(data)


async def _to_kubelet(socket: web.WebSocketResponse, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        async for message in socket:
            if message.type is WSMsgType.BINARY:
                writer.write(message.data)
                await writer.drain()
