"""What many clients watch alike is made once and written to all of them at once.

    store -> one Watch -> Feed: lines of what changed -> Sink of every member

A watch follows the store by itself (`Following`) until it has caught up, joins the feed of those who see the same
objects in the same form, and leaves it again when its connection does not take more for now. After each round the feed
rests: what changes meanwhile goes out together, and other requests get their turn.
"""

import asyncio
import logging
from collections import OrderedDict, deque
from collections.abc import Callable, Hashable, Sequence
from itertools import groupby, islice
from typing import NamedTuple

from minik.api.request import Sink
from minik.server.apiserver.registry.watch_event_counts import Sent
from minik.store.store import CompactedError, Event, SlowWatcherError, Watch

log = logging.getLogger("minik.apiserver")

_PERIOD = 0.03  # seconds from the begin of a round to that of the next, if that leaves enough for others
_LEAST_REST = 0.2  # of the time a round took; it never rests for longer than the round
_SHORT_ROUND = 0.001  # seconds; after rounds like this it does not rest
_AT_ONCE = 20  # members written to before others get a turn

Encode = Callable[[Event], bytes]
"""What an event is to a watcher; empty if it does not see it."""
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


class Line(NamedTuple):
    """What happened at `revision`, as the members see it: empty if they do not."""

    revision: int
    text: bytes


class Feed:
    """Writes what changes to its members, those first who have waited longest. Lives as long as it has some.

    It goes round while things change, and whoever's turn it is gets all there is by then: nobody waits for longer than
    one round and one rest.
    """

    def __init__(self, stream: Watch, encode: Encode, sent: Sent, ended: Callable[[], None]) -> None:
        self.members: OrderedDict[Following, None] = OrderedDict()
        self._stream = stream
        self._encode = encode
        self._sent = sent
        self._ended = ended
        self._lines: list[Line] = []  # that some members have yet to be written
        self._batches: deque[tuple[int, int]] = deque()  # how many of the lines, and the turn after which all have them
        self._turns = 0  # how often it was a member's turn
        self._task = asyncio.create_task(self._run(), name="watch-feed")

    def upto(self, member: "Following") -> int:
        """Every change up to this revision has been written to a member."""
        return max(member.position, self._lines[0].revision - 1 if self._lines else self._stream.revision)

    def leave(self, member: "Following") -> None:
        del self.members[member]
        if not self.members:
            self._task.cancel()
            self._end()

    async def _run(self) -> None:
        try:
            while True:
                self._take(await anext(self._stream))
                while self._lines:
                    await self._round()
        except (SlowWatcherError, CompactedError, StopAsyncIteration):
            pass  # every member goes on by itself from where it is
        except Exception:
            log.exception("a feed of watches failed")
        finally:
            self._end()

    def _end(self) -> None:
        self._ended()
        self._stream.close()
        members, self.members = self.members, OrderedDict()
        for member in members:
            member.dropped()

    async def _round(self) -> None:
        """Give every member a turn, or as many as it takes until all have everything."""
        loop = asyncio.get_running_loop()
        started, end = loop.time(), self._turns + len(self.members)
        while self._lines and self._turns < end:
            if not self._stream.idle:
                self._take(await anext(self._stream))
            self._serve()
            await asyncio.sleep(0)
        spent = loop.time() - started
        if spent > _SHORT_ROUND:
            await asyncio.sleep(min(spent, max(_PERIOD - spent, spent * _LEAST_REST)))

    def _take(self, events: Sequence[Event]) -> None:
        watchers = len(self.members)
        for event in events:
            text = self._encode(event)
            self._lines.append(Line(event.kv.mod_revision, text))
            if text:
                self._sent.add(1, len(text), watchers)
        self._batches.append((len(events), self._turns + watchers))

    def _serve(self) -> None:
        """Write to the next few members what they lack, and forget what all have."""
        last = self._lines[-1].revision
        for position, members in groupby(tuple(islice(self.members, _AT_ONCE)), lambda member: member.position):
            text = b"".join([line.text for line in self._lines if line.revision > position])
            chunk = framed(text) if text else b""
            for member in members:
                self._turns += 1
                if chunk and not member.write(chunk):
                    self.leave(member)
                    member.dropped()
                    continue
                member.position = max(position, last)
                self.members.move_to_end(member)
        while self._batches and self._batches[0][1] <= self._turns:
            del self._lines[: self._batches.popleft()[0]]


class Feeds:
    """The feeds there are, by what their members see."""

    def __init__(self) -> None:
        self._feeds: dict[Hashable, Feed] = {}

    def join(self, what: Hashable, member: "Following", open_at: Open, encode: Encode, sent: Sent) -> Feed:
        """`member` has everything up to the present revision."""
        feed = self._feeds.get(what)
        if feed is None:
            stream = open_at(member.position + 1)
            feed = self._feeds[what] = Feed(stream, encode, sent, lambda: self._forget(what))
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
        sent: Sent,
    ) -> None:
        self.position = start - 1
        self._sent = sent
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
        self._feed = self._feeds.join(self._what, self, self._open_at, self._encode, self._sent)
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
