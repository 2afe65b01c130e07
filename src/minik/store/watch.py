"""Watchers: who wants to know of which keys, and what each has not read yet.

    change -> WatchIndex.publish -> the watchers of that key only -> their buffers -> `async for` in the reader's task

Ranges are kept as a line of segments cut at every range's ends, each with the watchers that cover it, so finding the
watchers of a key is one bisection whatever their number. Those who care for one class of values only (store.Only)
stand in that line as one Division, which looks up who wants to know of a change. A watcher that starts in the past
first reads history, pulled by its own reader, and joins the index in the same step in which it has caught up.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from typing import Protocol

from sortedcontainers import SortedDict

from minik.store.engine import Stats, StoreClosedError
from minik.store.index import EVERYTHING, contains
from minik.store.store import Event, EventType, KeyValue, Only, SlowWatcherError

RECENT_EVENTS = 1000  # kept in memory for watches and ranges that start a moment ago
_READ_BY_NOW = 200  # events after which nobody asks again what a value was before


class Recent:
    """The newest changes, in memory: everything after revision `floor`. What is not durable stays whatever the size.

    What readers made of values (KeyValue.memo) is many times larger than these, so superseded ones soon lose it.
    """

    def __init__(self, revision: int) -> None:
        self.floor = revision
        self._transactions: deque[tuple[int, Sequence[Event]]] = deque()
        self._size = 0
        self._superseded: deque[KeyValue] = deque()

    def add(self, revision: int, events: Sequence[Event], durable: int) -> None:
        transactions = self._transactions
        transactions.append((revision, events))
        self._size += len(events)
        while self._size > RECENT_EVENTS and transactions[0][0] <= durable:
            self.floor, dropped = transactions.popleft()
            self._size -= len(dropped)
        superseded = self._superseded
        superseded.extend([event.prev_kv for event in events if event.prev_kv is not None])
        while len(superseded) > _READ_BY_NOW:
            value = superseded.popleft()
            if not getattr(value.memo, "dear", False):
                value.memo = None

    def after(self, revision: int, key: bytes, range_end: bytes) -> list[Event]:
        return [
            event
            for changed, events in self._transactions
            if changed > revision
            for event in events
            if contains(event.kv.key, key, range_end)
        ]


class History(Protocol):
    """What a watcher needs of its store."""

    stats: Stats
    recent: Recent
    watchers: "WatchIndex"

    @property
    def revision(self) -> int: ...
    @property
    def compact_revision(self) -> int: ...

    async def read_history(self, key: bytes, range_end: bytes, after: int) -> tuple[Sequence[Event], int]:
        """Changes after `after`, and up to where; at least to `recent.floor` in the end. Raises CompactedError."""
        ...


class Watcher:
    """See store.Watch."""

    def __init__(
        self, store: History, key: bytes, range_end: bytes, start: int, buffer: int, only: Only | None = None
    ) -> None:
        self.key = key
        self.only = only
        self.range_end = range_end
        self._store = store
        self._start = start
        self._after = start - 1  # while reading history: complete up to here
        self._buffer = buffer
        self._pending: list[Event] = []
        self._waiter: asyncio.Future[None] | None = None
        self._live = False
        self._closed = False
        self._error: SlowWatcherError | None = None
        if self._after >= store.recent.floor and start >= store.compact_revision:
            self._go_live()

    @property
    def revision(self) -> int:
        if self._pending:
            return self._pending[0].kv.mod_revision - 1
        return max(self._store.revision, self._start - 1) if self._live else self._after

    @property
    def idle(self) -> bool:
        return self._live and not self._pending

    def __aiter__(self) -> AsyncIterator[Sequence[Event]]:
        return self

    async def __anext__(self) -> Sequence[Event]:
        while True:
            if self._pending:
                batch, self._pending = self._pending, []
                self._store.stats.watch_events += len(batch)
                return batch
            if self._closed:
                raise StopAsyncIteration
            if self._error is not None:
                raise self._error
            if not self._live:
                await self._catch_up()
                continue
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None

    def close(self) -> None:
        self._closed = True
        self._leave()
        self._wake()

    def push(self, event: Event) -> None:
        revision = event.kv.mod_revision
        if revision < self._start:
            return
        pending = self._pending
        if len(pending) >= self._buffer and pending[-1].kv.mod_revision != revision:
            self._cut_off()
            return
        pending.append(event)
        waiter = self._waiter
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    def _cut_off(self) -> None:
        self._error = SlowWatcherError(f"watcher did not read {len(self._pending)} events in time")
        self._after = self.revision
        self._pending = []
        self._store.stats.slow_watchers += 1
        self._leave()
        self._wake()

    def _leave(self) -> None:
        if self._live:
            self._live = False
            self._store.watchers.remove(self)

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def _catch_up(self) -> None:
        store = self._store
        try:
            events, self._after = await store.read_history(self.key, self.range_end, self._after)
        except StoreClosedError:
            self._closed = True
        if self._closed:
            return
        self._pending = list(events)
        if self._after >= store.recent.floor:
            self._go_live()

    def _go_live(self) -> None:
        self._pending += self._store.recent.after(self._after, self.key, self.range_end)
        self._live = True
        self._store.watchers.add(self)


class Division:
    """The watchers of one range that tell values apart in the same way."""

    def __init__(self, key: bytes, range_end: bytes, classify: Callable[[KeyValue], str | None]) -> None:
        self.key = key
        self.range_end = range_end
        self.members: dict[str, set[Watcher]] = {}
        self._classify = classify

    def push(self, event: Event) -> None:
        found = set() if event.prev_kv is None else {self._classify(event.prev_kv)}
        if event.type is EventType.PUT:
            found.add(self._classify(event.kv))
        for value in tuple(self.members) if None in found else found:
            for watcher in tuple(self.members.get(value or "", ())):
                watcher.push(event)


class WatchIndex:
    def __init__(self) -> None:
        self._by_key: dict[bytes, set[Watcher]] = {}
        self._segments: SortedDict = SortedDict({b"": set()})  # start of segment -> what covers it
        self._divisions: dict[tuple[bytes, bytes, Callable[[KeyValue], str | None]], Division] = {}

    def add(self, watcher: Watcher) -> None:
        if not watcher.range_end:
            self._by_key.setdefault(watcher.key, set()).add(watcher)
        elif watcher.only is None:
            self._cover(watcher)
        else:
            place = (watcher.key, watcher.range_end, watcher.only.classify)
            division = self._divisions.get(place)
            if division is None:
                division = self._divisions[place] = Division(*place)
                self._cover(division)
            division.members.setdefault(watcher.only.value, set()).add(watcher)

    def _cover(self, watcher: Watcher | Division) -> None:
        self._cut(watcher.key)
        if watcher.range_end != EVERYTHING:
            self._cut(watcher.range_end)
        for start in self._covered(watcher):
            self._segments[start].add(watcher)

    def remove(self, watcher: Watcher) -> None:
        if not watcher.range_end:
            watchers = self._by_key[watcher.key]
            watchers.discard(watcher)
            if not watchers:
                del self._by_key[watcher.key]
        elif watcher.only is None:
            self._uncover(watcher)
        else:
            self._leave_division(watcher, watcher.only)

    def _leave_division(self, watcher: Watcher, only: Only) -> None:
        place = (watcher.key, watcher.range_end, only.classify)
        division = self._divisions[place]
        division.members[only.value].discard(watcher)
        if not division.members[only.value]:
            del division.members[only.value]
        if not division.members:
            del self._divisions[place]
            self._uncover(division)

    def _uncover(self, watcher: Watcher | Division) -> None:
        for start in list(self._covered(watcher)):
            self._segments[start].discard(watcher)
        self._join(watcher.key)
        if watcher.range_end != EVERYTHING:
            self._join(watcher.range_end)

    def publish(self, events: Iterable[Event]) -> None:
        for event in events:
            key = event.kv.key
            watchers = self._by_key.get(key)
            if watchers:
                for watcher in tuple(watchers):  # a push may cut a slow one off
                    watcher.push(event)
            at = self._segments.bisect_right(key) - 1
            covering = self._segments.peekitem(at)[1]
            if covering:
                for watcher in tuple(covering):
                    watcher.push(event)

    def all(self) -> set[Watcher]:
        divided = [watchers for division in self._divisions.values() for watchers in division.members.values()]
        covering = set().union(*self._segments.values())
        whole = {each for each in covering if isinstance(each, Watcher)}
        return whole.union(*self._by_key.values(), *divided)

    def _cut(self, key: bytes) -> None:
        if key not in self._segments:
            before = self._segments.peekitem(self._segments.bisect_right(key) - 1)[1]
            self._segments[key] = set(before)

    def _join(self, key: bytes) -> None:
        """Drop a boundary that no longer separates anything."""
        at = self._segments.bisect_left(key)
        if key and key in self._segments and self._segments.peekitem(at - 1)[1] == self._segments[key]:
            del self._segments[key]

    def _covered(self, watcher: Watcher | Division) -> Iterable[bytes]:
        last = None if watcher.range_end == EVERYTHING else watcher.range_end
        starts: Iterable[bytes] = self._segments.irange(watcher.key, last, inclusive=(True, False))
        return starts
