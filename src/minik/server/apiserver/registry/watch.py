"""Watches: the present state if asked for, then every change as it becomes visible, until the client or time ends it.

https://kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes
The store cuts off a watcher that does not keep up; the stream then ends and the client watches again.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Iterator, Sequence

from minik.api.request import Response
from minik.api.status import StatusError, expired
from minik.server.apiserver.negotiation import JSON, PROTOBUF, YAML, not_accepted
from minik.server.apiserver.registry import read_options, selection, table
from minik.server.apiserver.registry.call import Call
from minik.server.apiserver.registry.feed import Following, Outlet
from minik.server.apiserver.registry.freshness import wait_for
from minik.server.apiserver.registry.keys import collection_prefix, origin_key
from minik.server.apiserver.registry.layout import Layout, deleted
from minik.server.apiserver.registry.list import one_key
from minik.server.apiserver.registry.protobuf import WATCH_TYPE
from minik.server.apiserver.registry.read_options import WatchOptions
from minik.server.apiserver.registry.registry import Registry
from minik.server.apiserver.registry.selection import Selection
from minik.server.apiserver.registry.watch_encoding import Bookmark, Change, Lines, Step, encoder, local_encoder
from minik.store.store import (
    CompactedError,
    Event,
    EventType,
    KeyValue,
    Only,
    SlowWatcherError,
    Watch,
    prefix_end,
)

BOOKMARK_SECONDS = 60.0
_LAST_BOOKMARK = 2.0  # seconds before the end of a watch
_SHORTEST, _LONGEST = 1800, 3600  # seconds a watch lives when the client does not say
_INITIAL_CHUNK = 500  # objects of the present state sent at once
_BUFFER = 10_000  # events kept for a client that reads slowly


async def watch(registry: Registry, call: Call) -> Response:
    """Raises StatusError for bad options; what goes wrong later comes as an ERROR event."""
    options = read_options.parse_watch(call)
    chosen = selection.of_call(call)
    if call.form.media_type == YAML:
        raise not_accepted(streamed=True)
    if call.form.kind == "Table":
        table.include_object(call)
    outlet = None if call.request.local else Outlet()
    steps = _steps(registry, call, chosen, options, outlet)
    if outlet is None:
        return Response(events=local_encoder(registry.layout(call.resource), call, steps), warnings=call.warnings)
    content_type = WATCH_TYPE if call.form.media_type == PROTOBUF else JSON
    sent = registry.watch_events.of(call.resource.gvr)
    stream = encoder(registry.layout(call.resource), call, steps, sent)
    return Response(stream=stream, content_type=content_type, warnings=call.warnings, direct=outlet.attach)


async def _steps(
    registry: Registry, call: Call, chosen: Selection, options: WatchOptions, outlet: Outlet | None
) -> AsyncIterator[Step]:
    store = registry.storage.store
    if options.initial and options.revision:
        try:
            await wait_for(store, options.revision)
        except StatusError as error:  # upstream has begun its answer by then
            yield error
            return
    layout = registry.layout(call.resource)
    key, end = _range(call, chosen)
    start = store.revision if options.initial or not options.revision else options.revision
    origin = store.get(origin_key(call.resource))
    if origin is not None and start < origin.create_revision:
        yield _too_old(start, origin.create_revision)
        return
    stream = _stream(registry, call, chosen, start + 1, outlet)
    forget = registry.watching(call.resource, stream) if call.resource.custom else None
    counts, gvr = registry.watch_counts, call.resource.gvr
    counts[gvr] = counts.get(gvr, 0) + 1
    try:
        if options.initial:
            present = store.current(key, end).kvs if end else [kv for kv in (store.get(key),) if kv]
            await registry.readable(call.resource, present)
            if not chosen.everything:
                present = [kv for kv in present if chosen.matches(layout.decode(kv))]
            for index in range(0, len(present), _INITIAL_CHUNK):
                yield [Change("ADDED", kv, shared=False) for kv in present[index : index + _INITIAL_CHUNK]]
            if options.marked:
                yield Bookmark(start, initial_events_end=True)
        async for step in _live(stream, options):
            if isinstance(step, Bookmark):
                yield step
                continue
            await registry.readable(call.resource, _values(step))
            if changes := list(_changes(step, chosen, layout)):
                yield changes
    except CompactedError as error:
        yield _too_old(start, error.compact_revision)
    except SlowWatcherError:
        return
    finally:
        stream.close()
        counts[gvr] -= 1
        if not counts[gvr] and call.resource.custom:  # its definition may go; the others are there for good
            del counts[gvr]
        if forget is not None:
            forget()


def _too_old(revision: int, oldest: int) -> StatusError:
    return expired(f"too old resource version: {revision} ({oldest})")


def _range(call: Call, chosen: Selection) -> tuple[bytes, bytes]:
    key = one_key(call, chosen)
    if key is not None:
        return key, b""
    prefix = collection_prefix(call.resource, call.namespace)
    return prefix, prefix_end(prefix)


def _stream(registry: Registry, call: Call, chosen: Selection, start: int, outlet: Outlet | None) -> Watch:
    """The changes from a revision on. Watches over the network share what many see alike (feed.py).

    They do not where few see the same, nor where a line depends on those before it or on a webhook.
    """
    layout = registry.layout(call.resource)
    key, end = _range(call, chosen)

    def open_at(revision: int) -> Watch:
        only = _only(layout, chosen) if end else None
        return registry.storage.store.watch(key, end, start_revision=revision, buffer=_BUFFER, only=only)

    if outlet is None or not end or chosen.fields or call.form.kind == "Table" or call.resource.converted_by:
        return open_at(start)
    lines = Lines(layout, call)

    def encode(event: Event) -> bytes:
        return lines.changes(_changes((event,), chosen, layout))

    sent = registry.watch_events.of(call.resource.gvr)
    return Following(open_at, start, registry.feeds, (id(layout), key, chosen, call.form), encode, outlet, sent)


def _only(layout: Layout, chosen: Selection) -> Only | None:
    """The class of objects that a field selector asks for, so that the store looks its watcher up by it."""
    for field, value, equal in chosen.fields:
        classify = layout.classes(field) if equal else None
        if classify is not None:
            return Only(classify, value)
    return None


async def _live(stream: Watch, options: WatchOptions) -> AsyncIterator[Sequence[Event] | Bookmark]:
    """Batches of events, with bookmarks for those who asked, until the time is over."""
    loop = asyncio.get_running_loop()
    ends = loop.time() + (options.timeout or random.uniform(_SHORTEST, _LONGEST))
    bookmarks = _bookmarks(loop.time(), ends) if options.bookmarks else iter(())
    bookmark_at = next(bookmarks, ends)
    while True:
        due = min(ends, bookmark_at)
        try:
            async with asyncio.timeout_at(due):
                batch = await anext(stream)
        except TimeoutError:
            pass
        except StopAsyncIteration:
            return
        else:
            yield batch
        if loop.time() < due:
            continue
        if due == ends:
            return
        yield Bookmark(stream.revision)
        bookmark_at = next(bookmarks, ends)


def _bookmarks(start: float, ends: float) -> Iterator[float]:
    """When bookmarks are sent: about once a minute, whatever else is, and shortly before the end."""
    last = ends - _LAST_BOOKMARK
    if last <= start:
        return
    while (start := start + BOOKMARK_SECONDS * random.uniform(0.9, 1.1)) < last:
        yield start
    yield last


def _values(events: Sequence[Event]) -> Iterator[KeyValue]:
    """What of some events is going to be decoded."""
    for event in events:
        yield event.kv if event.type is EventType.PUT else deleted(event)
        if event.prev_kv is not None:
            yield event.prev_kv


def _changes(events: Sequence[Event], chosen: Selection, layout: Layout) -> Iterator[Change]:
    """What the events are to a watcher of `chosen`: objects come into and go out of its sight."""
    everything, decode = chosen.everything, layout.decode
    for event in events:
        kv, before = event.kv, event.prev_kv
        if event.type is EventType.PUT:
            if everything:
                yield Change("ADDED" if before is None else "MODIFIED", kv)
                continue
            was = before is not None and chosen.matches(decode(before))
            if chosen.matches(decode(kv)):
                yield Change("MODIFIED" if was else "ADDED", kv)
            elif was and before is not None:
                yield Change("DELETED", layout.lost(before, kv.mod_revision), shared=False)
        elif before is not None and (everything or chosen.matches(decode(before))):
            yield Change("DELETED", deleted(event))
