"""The client's side of a SPDY/3.1 connection: streams that are read and written side by side.

A stream's unread data is bounded; when one stream is full the connection waits, as the peers' own library does.
"""

import asyncio
from collections.abc import Mapping
from types import TracebackType

from minik.server.apiserver.streaming.spdy_frames import Frame, FrameReader, FrameType, FrameWriter, SpdyError

BUFFERED_CHUNKS = 64  # of unread data a stream holds before the connection waits
CANCEL = 5  # RST_STREAM status
REPLY_TIMEOUT = 30.0  # seconds the peer may take to accept a stream


class SpdyStream:
    """One stream, opened by us. `read` gives b"" at the end."""

    def __init__(self, connection: "SpdyConnection", stream_id: int) -> None:
        self._connection = connection
        self._id = stream_id
        self._chunks: asyncio.Queue[bytes] = asyncio.Queue(BUFFERED_CHUNKS)
        self._ended = False
        self._accepted: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def read(self) -> bytes:
        """The next data; b"" once the peer has closed its half or the connection is gone."""
        if self._ended and self._chunks.empty():
            return b""
        chunk = await self._chunks.get()
        if not chunk:
            self._ended = True
        return chunk

    async def write(self, data: bytes) -> None:
        await self._connection.send(Frame(FrameType.DATA, self._id, data=data))

    async def close(self) -> None:
        """Half-close: the peer sees the end of our data."""
        await self._connection.send(Frame(FrameType.DATA, self._id, fin=True))

    async def reset(self) -> None:
        await self._connection.send(Frame(FrameType.RST_STREAM, self._id, value=CANCEL))

    async def wait_accepted(self) -> None:
        """Raises ConnectionError when the peer refuses the stream or does not answer."""
        try:
            async with asyncio.timeout(REPLY_TIMEOUT):
                await self._accepted
        except TimeoutError:
            raise ConnectionError("the stream was not accepted in time") from None

    async def take(self, frame: Frame) -> None:
        if frame.data:
            await self._chunks.put(frame.data)
        if frame.fin:
            await self.end()

    async def end(self) -> None:
        if not self._accepted.done():
            self._accepted.set_exception(ConnectionError("the stream was closed"))
            self._accepted.exception()  # it may be that nobody waits for it
        await self._chunks.put(b"")

    def accept(self) -> None:
        if not self._accepted.done():
            self._accepted.set_result(None)


class SpdyConnection:
    """Use as `async with`: a task of its own reads frames until the end; leaving closes the connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._encoder, self._decoder = FrameWriter(), FrameReader()
        self._streams: dict[int, SpdyStream] = {}
        self._next_id = 1

    async def __aenter__(self) -> "SpdyConnection":
        self._task = asyncio.create_task(self._read(), name="spdy")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._task.cancel()
        self._writer.close()
        await asyncio.wait([self._task])

    async def open_stream(self, headers: Mapping[str, str]) -> SpdyStream:
        stream = SpdyStream(self, self._next_id)
        self._streams[self._next_id] = stream
        await self.send(Frame(FrameType.SYN_STREAM, self._next_id, headers=headers))
        self._next_id += 2  # a client's streams are odd
        return stream

    async def send(self, frame: Frame) -> None:
        """Raises ConnectionError when the connection is gone."""
        self._writer.write(self._encoder.encode(frame))
        await self._writer.drain()

    async def _read(self) -> None:
        try:
            while True:
                head = await self._reader.readexactly(FrameReader.HEAD)
                body = await self._reader.readexactly(FrameReader.length(head))
                frame = self._decoder.decode(head, body)
                if frame is not None:
                    await self._take(frame)
        except (asyncio.IncompleteReadError, ConnectionError, SpdyError):
            return
        finally:
            for stream in self._streams.values():
                stream.accept()
                if stream._chunks.full():
                    stream._chunks.get_nowait()  # the end must be seen, whoever did not read
                stream._chunks.put_nowait(b"")

    async def _take(self, frame: Frame) -> None:
        if frame.type is FrameType.PING:
            await self.send(frame)
            return
        stream = self._streams.get(frame.stream_id)
        if stream is None:
            return
        if frame.type is FrameType.DATA:
            await stream.take(frame)
        elif frame.type is FrameType.SYN_REPLY:
            stream.accept()
            if frame.fin:
                await stream.end()
        elif frame.type is FrameType.RST_STREAM:
            await stream.end()
