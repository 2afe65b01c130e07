"""Answers that go on for long (watches, followed logs) on connections that hold nothing else meanwhile.

While such an answer runs, aiohttp's parser, request, response and their tasks would wait beside it: more memory than
the watch itself needs, a thousand times over. So the connection is taken from aiohttp with the head of the answer,
carries chunks until they end, and is given to a new handler for the next request.
https://www.rfc-editor.org/rfc/rfc9112#section-7.1
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable

from minik.api.request import Sink
from minik.server.apiserver.registry.feed import framed

log = logging.getLogger("minik.apiserver.http")

_EARLY = 64 * 1024  # bytes of further requests that are kept until the answer is over
_LAST_CHUNK = b"0\r\n\r\n"

GoOn = Callable[[], asyncio.Protocol]
"""Makes the handler of the connection's next request."""


class StreamConnection(asyncio.Protocol):
    """A connection during one answer. Also the Sink that a watch may write to by itself."""

    __slots__ = ("_drained", "_early", "_go_on", "_stopping", "_task", "_transport", "paused")

    def __init__(self, transport: asyncio.Transport, go_on: GoOn | None) -> None:
        """`go_on` is None if the connection ends with this answer."""
        self.paused = False
        self._transport: asyncio.Transport | None = transport
        self._go_on = go_on
        self._early = b""
        self._drained: asyncio.Future[None] | None = None
        self._stopping = False
        self._task: asyncio.Task[None] | None = None
        transport.set_protocol(self)

    def start(
        self, chunks: AsyncIterator[bytes], chunked: bool, direct: Callable[[Sink], None] | None
    ) -> asyncio.Task[None]:
        """`chunks` are sent until there are no more, the client goes away or `stop` is called."""
        self._task = asyncio.create_task(self._run(chunks, chunked, direct), name="http-stream")
        return self._task

    def stop(self) -> None:
        """Ends the answer as if `chunks` were over, and the connection."""
        self._stopping, self._go_on = True, None
        if self._task is not None:
            self._task.cancel()

    def write(self, framed: bytes) -> None:
        if self._transport is not None:
            self._transport.write(framed)

    async def _run(self, chunks: AsyncIterator[bytes], chunked: bool, direct: Callable[[Sink], None] | None) -> None:
        whole = False
        try:
            if direct is not None and chunked:
                direct(self)
            async for chunk in chunks:
                self.write(framed(chunk) if chunked else chunk)
                if self.paused:
                    await self._drain()
            whole = True
        except asyncio.CancelledError:
            whole = self._stopping
            if not whole:
                raise
        except ConnectionError as error:
            log.debug("a stream was cut: %s", error)
        except Exception:
            log.exception("a stream failed")
        finally:
            await close_stream(chunks)
            if whole and chunked:
                self.write(_LAST_CHUNK)
            self._end(whole)

    async def _drain(self) -> None:
        self._drained = asyncio.get_running_loop().create_future()
        try:
            await self._drained
        finally:
            self._drained = None

    def _end(self, whole: bool) -> None:
        transport, self._transport = self._transport, None
        if transport is None:
            return
        if not whole or self._go_on is None or transport.is_closing():
            transport.close()
            return
        following = self._go_on()
        transport.set_protocol(following)
        following.connection_made(transport)
        if len(self._early) > _EARLY:
            transport.resume_reading()
        if self._early:
            following.data_received(self._early)

    def data_received(self, data: bytes) -> None:
        self._early += data
        if len(self._early) > _EARLY and self._transport is not None:
            self._transport.pause_reading()

    def pause_writing(self) -> None:
        self.paused = True

    def resume_writing(self) -> None:
        self.paused = False
        if self._drained is not None and not self._drained.done():
            self._drained.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport, self.paused = None, True
        if self._task is not None:
            self._task.cancel()


class Streams:
    """The answers of one HTTP door that are going on."""

    def __init__(self) -> None:
        self._running: dict[asyncio.Task[None], StreamConnection] = {}
        self._closed = False

    def start(
        self,
        connection: StreamConnection,
        chunks: AsyncIterator[bytes],
        *,
        chunked: bool,
        direct: Callable[[Sink], None] | None,
    ) -> None:
        """See StreamConnection.start."""
        task = connection.start(chunks, chunked, direct)
        self._running[task] = connection
        task.add_done_callback(self._ended)
        if self._closed:
            connection.stop()

    def _ended(self, task: asyncio.Task[None]) -> None:
        del self._running[task]

    async def close(self, seconds: float) -> None:
        """Ends them all, waiting at most so long, and those that start later as soon as they do."""
        self._closed = True
        running = dict(self._running)
        for connection in running.values():
            connection.stop()
        if running:
            await asyncio.wait(running, timeout=seconds)


async def close_stream(chunks: AsyncIterator[bytes]) -> None:
    """Lets what makes the chunks clean up after itself."""
    close = getattr(chunks, "aclose", None)
    if close is not None:
        await close()
