"""Steps of a watch become lines of JSON for the network, or WatchEvents for callers in the same process.

A line about an object is built once and shared by all its watchers (layout.Layout.line); only Table and
PartialObjectMetadata are made for each watcher.
"""

from collections.abc import AsyncIterator, Iterable, Sequence
from typing import NamedTuple

from minik.api.request import WatchEvent
from minik.api.status import StatusError
from minik.api.types import Obj
from minik.server.apiserver.negotiation import PLAIN, PROTOBUF
from minik.server.apiserver.registry import protobuf, table
from minik.server.apiserver.registry.answer import to_json
from minik.server.apiserver.registry.call import Call
from minik.server.apiserver.registry.layout import Layout
from minik.server.apiserver.registry.watch_event_counts import Sent
from minik.store.store import KeyValue

INITIAL_EVENTS_END = "k8s.io/initial-events-end"


class Change(NamedTuple):
    """One event as a watcher sees it: `type` is ADDED, MODIFIED or DELETED, `kv` holds the object to send.

    `shared` is false for what no other watcher will ask for: keeping the line would only cost memory.
    """

    type: str
    kv: KeyValue
    shared: bool = True


class Bookmark(NamedTuple):
    """Everything up to `revision` has been sent."""

    revision: int
    initial_events_end: bool = False


Step = Sequence[Change] | Bookmark | StatusError


async def encoder(layout: Layout, call: Call, steps: AsyncIterator[Step], sent: Sent) -> AsyncIterator[bytes]:
    """Chunks of lines, one chunk a step, which are counted."""
    lines = Lines(layout, call)
    async for step in steps:
        if isinstance(step, Bookmark):
            yield lines.bookmark(step)
        elif isinstance(step, StatusError):
            yield lines.framed("ERROR", step.status())
        else:
            chunk = lines.changes(step)
            sent.add(len(step), len(chunk))
            yield chunk


async def local_encoder(layout: Layout, call: Call, steps: AsyncIterator[Step]) -> AsyncIterator[Sequence[WatchEvent]]:
    """Batches of events with shared objects."""
    async for step in steps:
        if isinstance(step, Bookmark):
            yield [WatchEvent("BOOKMARK", _bookmark_object(call, step))]
        elif isinstance(step, StatusError):
            yield [WatchEvent("ERROR", step.status())]
        else:
            yield [WatchEvent(change.type, layout.decode(change.kv)) for change in step]


class Lines:
    """Lines in the form a watcher asks for. Only the first Table carries its columns."""

    def __init__(self, layout: Layout, call: Call) -> None:
        self._layout = layout
        self._call = call
        self._header = True
        self._plain = call.form.kind == "PartialObjectMetadataList"  # no single object can be one, so it stays as it is

    def changes(self, changes: Iterable[Change]) -> bytes:
        if self._call.form is PLAIN:
            return b"".join([self._layout.line(change.type, change.kv, keep=change.shared) for change in changes])
        return b"".join([self._transformed(change) for change in changes])

    def _transformed(self, change: Change) -> bytes:
        obj = self._layout.decode(change.kv)
        if self._call.form.kind and not self._plain:
            obj = table.transform(self._call, [obj], obj["metadata"], header=self._header)
            self._header = False
        return self.framed(change.type, obj)

    def bookmark(self, bookmark: Bookmark) -> bytes:
        obj = _bookmark_object(self._call, bookmark)
        kind = self._call.form.kind
        if kind == "Table":
            obj = {
                "kind": "Table",
                "apiVersion": self._call.form.group_version,
                "metadata": {"resourceVersion": obj["metadata"]["resourceVersion"]},
                "columnDefinitions": table.column_definitions(self._call.resource) if self._header else None,
                "rows": [{"cells": [""] * len(self._call.resource.columns), "object": obj}],
            }
            self._header = False
        elif kind and not self._plain:
            obj = table.partial(obj, self._call.form)
        return self.framed("BOOKMARK", obj)

    def framed(self, kind: str, obj: Obj) -> bytes:
        if self._call.form.media_type == PROTOBUF:
            return protobuf.frame(kind, obj)
        return b'{"type":"%b","object":%b}\n' % (kind.encode(), to_json(obj))


def _bookmark_object(call: Call, bookmark: Bookmark) -> Obj:
    metadata: Obj = {"resourceVersion": str(bookmark.revision)}
    if bookmark.initial_events_end:
        metadata["annotations"] = {INITIAL_EVENTS_END: "true"}
    return {"kind": call.resource.kind, "apiVersion": call.resource.api_version, "metadata": metadata}
