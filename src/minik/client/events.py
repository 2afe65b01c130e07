"""Tells users what components do: core/v1 Events, written in the background.

    recorder.event(...) -> bounded queue -> correlator (event_correlator.py) -> create or patch

Recording never waits and never fails; when the API server cannot be reached events are kept a while and then dropped.
Behaviour: client-go's tools/record.
"""

import asyncio
import logging
from collections.abc import Sequence

from minik.api.status import StatusError
from minik.api.types import Obj
from minik.client.client import STRATEGIC_MERGE_PATCH, Client
from minik.client.clock import Clock, SystemClock, format_time
from minik.client.event_correlator import EventCorrelator, Outcome
from minik.client.resources import EVENTS

log = logging.getLogger("minik.events")

QUEUE_SIZE = 1000
BATCH = 32  # events written at the same time
ATTEMPTS, ATTEMPT_PAUSE = 6, 2.0  # seconds
FLUSH_TIMEOUT = 2.0  # seconds to write what is left when stopping

NORMAL, WARNING = "Normal", "Warning"


def object_reference(api_version: str, kind: str, obj: Obj, field_path: str = "") -> Obj:
    """The core/v1 ObjectReference of an object."""
    metadata = obj["metadata"]
    fields = {
        "kind": kind,
        "namespace": metadata.get("namespace", ""),
        "name": metadata["name"],
        "uid": metadata.get("uid", ""),
        "apiVersion": api_version,
        "resourceVersion": metadata.get("resourceVersion", ""),
        "fieldPath": field_path,
    }
    return {name: value for name, value in fields.items() if value}


class EventRecorder:
    """Records events in the name of one source component."""

    def __init__(self, broadcaster: "EventBroadcaster", component: str, host: str = "") -> None:
        self._broadcaster = broadcaster
        self._component, self._host = component, host

    def event(
        self, about: Obj, type: str, reason: str, message: str, *, action: str = "", related: Obj | None = None
    ) -> None:
        """`about` and `related` are object references (`object_reference`); `type` is NORMAL or WARNING."""
        clock = self._broadcaster.clock
        now = format_time(clock.now())
        namespace = about.get("namespace") or "default"
        source = {"component": self._component} | ({"host": self._host} if self._host else {})
        event: Obj = {
            "kind": "Event",
            "apiVersion": "v1",
            "metadata": {"name": f"{about['name']}.{self._broadcaster.next_stamp():x}", "namespace": namespace},
            "involvedObject": about,
            "reason": reason,
            "message": message,
            "source": source,
            "firstTimestamp": now,
            "lastTimestamp": now,
            "count": 1,
            "type": type,
            "reportingComponent": self._component,
            "reportingInstance": self._host,
        }
        if action:
            event["action"] = action
        if related is not None:
            event["related"] = related
        self._broadcaster.enqueue(event)


class EventBroadcaster:
    """Writes the events of one identity. A component."""

    name = "events"

    def __init__(self, client: Client, clock: Clock | None = None) -> None:
        self.clock: Clock = clock or SystemClock()
        self._client = client
        self._correlator = EventCorrelator()
        self._queue: asyncio.Queue[Obj] = asyncio.Queue(QUEUE_SIZE)
        self._last_stamp = 0
        self.dropped = 0  # for metrics: events lost to a full queue

    def recorder(self, component: str, host: str = "") -> EventRecorder:
        return EventRecorder(self, component, host)

    def next_stamp(self) -> int:
        """Nanoseconds as client-go puts into event names, never twice the same."""
        self._last_stamp = max(self._last_stamp + 1, int(self.clock.now().timestamp() * 1e9))
        return self._last_stamp

    def enqueue(self, event: Obj) -> None:
        try:
            self._queue.put_nowait(event)
        except asyncio.QueueFull:
            self.dropped += 1

    async def run(self, ready: asyncio.Event) -> None:
        ready.set()
        try:
            while True:
                first = await self._queue.get()
                await self._write([first, *self._take(BATCH - 1)])
        finally:
            await self._flush()

    async def _flush(self) -> None:
        try:
            async with asyncio.timeout(FLUSH_TIMEOUT):
                while batch := self._take(BATCH):
                    await self._write(batch)
        except TimeoutError:
            log.warning("%d events were not written before the end", self._queue.qsize())

    def _take(self, limit: int) -> list[Obj]:
        return [self._queue.get_nowait() for _ in range(min(limit, self._queue.qsize()))]

    async def _write(self, events: Sequence[Obj]) -> None:
        outcomes = self.merge(events)
        await asyncio.gather(*(self._store(outcome) for outcome in outcomes))

    def merge(self, events: Sequence[Obj]) -> list[Outcome]:
        """One write per Event object: counts that rise within a batch are written once."""
        merged: dict[tuple[str, str], Outcome] = {}
        now = self.clock.monotonic()
        for event in events:
            outcome = self._correlator.correlate(event, now)
            if outcome is None:
                continue
            metadata = outcome.event["metadata"]
            name = (metadata["namespace"], metadata["name"])
            earlier = merged.get(name)
            if earlier is not None and earlier.patch is None:
                outcome = Outcome(outcome.event, None)
            merged[name] = outcome
        return [*merged.values()]

    async def _store(self, outcome: Outcome) -> None:
        for attempt in range(ATTEMPTS):
            if attempt:
                await asyncio.sleep(ATTEMPT_PAUSE)
            try:
                await self._store_once(outcome)
                return
            except StatusError as error:
                # the namespace is on its way out, or the event is refused: nobody will miss it
                log.debug("event %s: %s", outcome.event["metadata"]["name"], error.message)
                return
            except (ConnectionError, TimeoutError, OSError) as error:
                log.debug("event %s: %r", outcome.event["metadata"]["name"], error)
            except Exception:
                log.exception("event %s: failed", outcome.event["metadata"]["name"])
                return

    async def _store_once(self, outcome: Outcome) -> None:
        metadata = outcome.event["metadata"]
        if outcome.patch is not None:
            try:
                await self._client.patch(
                    EVENTS,
                    metadata["name"],
                    outcome.patch,
                    metadata["namespace"],
                    patch_type=STRATEGIC_MERGE_PATCH,
                )
                return
            except StatusError as error:
                if error.code != 404:
                    raise
        await self._client.create(EVENTS, outcome.event, metadata["namespace"])
