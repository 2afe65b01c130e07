"""What many clients watch alike is made once and written to all of them at once.

    store -> one Watch -> Feed: lines of what changed -> Sink of every member

A watch follows the store by itself (`Following`) until it has caught up, joins the feed of those who see the same
objects in the same form, and leaves it again when its connection does not take more for now. After each round the feed
rests for a part of the time it took: what changes meanwhile goes out together, and other requests get their turn.
"""

import asyncio
import logging
from collections.abc import Callable, Hashable, Sequence

from minik.api.request import Sink
from minik.store.store import CompactedError, Event, SlowWatcherError, Watch

log = logging.getLogger("minik.apiserver")

_REST = 0.5  # of the time a round took
_SHORT_ROUND = 0.001  # seconds; after rounds like this it does not rest
_AT_ONCE = 50  # members written to before others get a turn

Encode = Callable[[Sequence[Event]], bytes]
"""What some events are to a watcher; empty if it sees none of them."""
Count = Callable[[int, int], None]
"""Told the size of what was encoded last, and how many are sent it."""
Open = Callable[[int], Watch]
"""A watch of the store from a revision on."""


class Outlet:
    """Where a watch finds the connection it answers, once the head of the answer has been sent."""

    __slots__ = ("sink",)

    def __init__(self) -> None:
        self.sink: Sink | None = None

    def attach(self, sink: Sink) -> None:
        self.sink = sink


def framed(chunk: bytes) -> bytes:
    """One chunk of HTTP's chunked transfer coding."""
    return b"%x\r\n%b\r\n" % (len(chunk), chunk)


class Feed:
    """Writes what changes to its members. Lives as long as it has some."""

    def __init__(self, stream: Watch, encode: Encode, count: Count, ended: Callable[[], None]) -> None:
        self.members: dict[Following, None] = {}
        self._stream = stream
        self._encode = encode
        self._count = count
        self._ended = ended
        self._before: int | None = None  # during a round: the revision before it
        self._task = asyncio.create_task(self._run(), name="watch-feed")

    def upto(self, member: "Following") -> int:
        """Every change up to this revision has been written to a member."""
        return max(member.position, self._stream.revision if self._before is None else self._before)

    def leave(self, member: "Following") -> None:
        del self.members[member]
        if not self.members:
            self._task.cancel()
            self._end()

    async def _run(self) -> None:
        try:
            async for events in self._stream:
                await self._round(events)
        except (SlowWatcherError, CompactedError):
            pass  # every member goes on by itself from where it is
        except Exception:
            log.exception("a feed of watches failed")
        finally:
            self._end()

    def _end(self) -> None:
        self._ended()
        self._stream.close()
        members, self.members = self.members, {}
        for member in members:
            member.dropped()

    async def _round(self, events: Sequence[Event]) -> None:
        loop = asyncio.get_running_loop()
        started = loop.time()
        first, last = events[0].kv.mod_revision, events[-1].kv.mod_revision
        whole = self._chunk(events)
        self._count(len(whole), len(self.members))
        self._before = first - 1
        for number, member in enumerate(tuple(self.members), 1):
            if member not in self.members:
                continue
            chunk = whole
            if member.position >= first:  # it has joined in the middle
                chunk = self._chunk([event for event in events if event.kv.mod_revision > member.position])
            if chunk and not member.write(chunk):
                self.leave(member)
                member.dropped()
                continue
            member.position = max(member.position, last)
            if not number % _AT_ONCE:
                await asyncio.sleep(0)
        self._before = None
        spent = loop.time() - started
        if spent > _SHORT_ROUND:
            await asyncio.sleep(spent * _REST)

    def _chunk(self, events: Sequence[Event]) -> bytes:
        chunk = self._encode(events)
        return framed(chunk) if chunk else b""


class Feeds:
    """The feeds there are, by what their members see."""

    def __init__(self) -> None:
        self._feeds: dict[Hashable, Feed] = {}

    def join(self, what: Hashable, member: "Following", open_at: Open, encode: Encode, count: Count) -> Feed:
        """`member` has everything up to the present revision."""
        feed = self._feeds.get(what)
        if feed is None:
            stream = open_at(member.position + 1)
            feed = self._feeds[what] = Feed(stream, encode, count, lambda: self._forget(what))
        feed.members[member] = None
        return feed

    def _forget(self, what: Hashable) -> None:
        self._feeds.pop(what, None)


class Following:
    """A store.Watch for one client, which joins a feed whenever it can.

    Iterating gives what the client is to be sent; what the feed writes meanwhile goes by.
    """

    def __init__(
        self,
        open_at: Open,
        start: int,
        feeds: Feeds,
        what: Hashable,
        encode: Encode,
        outlet: Outlet,
        count: Count = lambda _size, _members: None,
    ) -> None:
        self.position = start - 1
        self._count = count
        self._open_at = open_at
        self._feeds = feeds
        self._what = what
        self._encode = encode
        self._outlet = outlet
        self._stream: Watch | None = open_at(start)
        self._feed: Feed | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._closed = False

    def __aiter__(self) -> "Following":
        return self

    async def __anext__(self) -> Sequence[Event]:
        while not self._closed:
            if self._feed is not None:
                self._waiter = asyncio.get_running_loop().create_future()
                try:
                    await self._waiter
                finally:
                    self._waiter = None
            elif not self._joined():
                if self._stream is None:
                    self._stream = self._open_at(self.position + 1)
                return await anext(self._stream)
        raise StopAsyncIteration

    def _joined(self) -> bool:
        sink, stream = self._outlet.sink, self._stream
        if sink is None or stream is None or sink.paused or not stream.idle:
            return False
        self.position = stream.revision
        self._feed = self._feeds.join(self._what, self, self._open_at, self._encode, self._count)
        stream.close()
        self._stream = None
        return True

    @property
    def revision(self) -> int:
        if self._feed is not None:
            return self._feed.upto(self)
        return self.position if self._stream is None else self._stream.revision

    @property
    def idle(self) -> bool:
        return self._feed is not None or (self._stream is not None and self._stream.idle)

    def write(self, chunk: bytes) -> bool:
        """Whether the connection took it."""
        sink = self._outlet.sink
        if sink is None or sink.paused:
            return False
        sink.write(chunk)
        return True

    def dropped(self) -> None:
        """The feed does not serve it any more: it goes on by itself."""
        self._feed = None
        self._wake()

    def close(self) -> None:
        self._closed = True
        if self._stream is not None:
            self._stream.close()
        feed, self._feed = self._feed, None
        if feed is not None:
            feed.leave(self)
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
