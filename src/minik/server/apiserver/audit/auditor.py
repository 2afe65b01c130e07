"""Records requests: gives each a trail, collects events, and writes them to the log and the webhook.

Requests never wait for it. Events wait in a bounded buffer; when it is full, which takes a disk that has stopped, the
newest are lost and counted, as with upstream's batching backends.
"""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import orjson

from minik.api.request import Request, Response, WatchEvent
from minik.api.scheme import Scheme
from minik.api.status import StatusError
from minik.api.types import Obj
from minik.server.apiserver.audit.log_file import LogFile
from minik.server.apiserver.audit.policy import Level, Policy
from minik.server.apiserver.audit.trail import Trail, event
from minik.server.apiserver.audit.webhook_sink import Receiver, Sending, WebhookSink

if TYPE_CHECKING:
    from prometheus_client.core import Metric

log = logging.getLogger("minik.apiserver.audit")

_BUFFER = 10000  # events
_BATCH = 400  # events written at once

Handle = Callable[[Request], Awaitable[Response]]


class Auditor:
    """The component. `log_file` and `webhook` are where events go; either may be missing."""

    name = "audit"

    def __init__(
        self,
        policy: Policy,
        scheme: Scheme,
        *,
        log_file: LogFile | None = None,
        webhook: Receiver | None = None,
        sending: Sending | None = None,
    ) -> None:
        self._policy = policy
        self._scheme = scheme
        self._log_file = log_file
        self._sink = None if webhook is None else WebhookSink(webhook, sending)
        self._blocking = sending is not None and sending.blocking
        self._pending: deque[tuple[Trail, str, datetime]] = deque()
        self._wake = asyncio.Event()
        self._writing = asyncio.Lock()
        self._levels: dict[Level, int] = {}
        self.recorded = 0
        self.lost = 0

    async def audited(self, request: Request, handle: Handle) -> Response:
        """Serve a request with `handle` and record it."""
        given = request.headers.get("audit-id", "")
        request.audit_id = given[:64] if given and given.isascii() and given.isprintable() else str(uuid4())
        trail = request.audit = Trail(request, self._policy, self._record)
        try:
            response = await handle(request)
        except StatusError as error:
            trail.failed(error)
            raise
        finally:
            self._levels[trail.verdict.level] = self._levels.get(trail.verdict.level, 0) + 1
        trail.answered(response)
        _follow_to_the_end(response, trail)
        if self._blocking and not request.local:
            await self._write_batch()
        return response

    def _record(self, trail: Trail, stage: str, at: datetime) -> None:
        if len(self._pending) >= _BUFFER:
            self.lost += 1
            return
        self.recorded += 1
        self._pending.append((trail, stage, at))
        self._wake.set()

    async def run(self, ready: asyncio.Event) -> None:
        if self._log_file is not None:
            await asyncio.to_thread(self._log_file.open)
        try:
            async with asyncio.TaskGroup() as tasks:
                if self._sink is not None:
                    tasks.create_task(self._sink.run())
                ready.set()
                while True:
                    await self._wake.wait()
                    self._wake.clear()
                    while self._pending:
                        await self._write_batch()
        finally:
            while self._pending:
                self._write(self._take())
            if self._log_file is not None:
                self._log_file.close()

    def _take(self) -> list[tuple[Trail, str, datetime]]:
        return [self._pending.popleft() for _ in range(min(_BATCH, len(self._pending)))]

    async def _write_batch(self) -> None:
        async with self._writing:  # events keep their order
            batch = self._take()
            try:
                events = await asyncio.to_thread(self._write, batch)
            except Exception:
                log.exception("%d audit events are lost", len(batch))
                self.lost += len(batch)
                return
            if self._sink is None:
                return
            if self._blocking:
                await self._sink.send(events)
            else:
                self._sink.offer(events)

    def _write(self, batch: Sequence[tuple[Trail, str, datetime]]) -> list[Obj]:
        """Runs in a thread."""
        events = [event(trail, stage, at, self._scheme) for trail, stage, at in batch]
        if self._log_file is not None:
            self._log_file.write([orjson.dumps(each) + b"\n" for each in events])
        return events if self._sink is not None else []

    def collect(self) -> Iterator["Metric"]:
        """apiserver_audit_*, for prometheus_client."""
        from prometheus_client.core import CounterMetricFamily

        events = CounterMetricFamily(
            "apiserver_audit_event_total", "Counter of audit events generated and sent to the audit backend."
        )
        events.add_metric((), self.recorded)
        errors = CounterMetricFamily(
            "apiserver_audit_error_total",
            "Counter of audit events that failed to be audited properly.",
            labels=("plugin",),
        )
        errors.add_metric(("buffer",), self.lost)
        if self._sink is not None:
            errors.add_metric(("webhook",), self._sink.lost)
        levels = CounterMetricFamily(
            "apiserver_audit_level_total",
            "Counter of policy levels for audit events (1 per request).",
            labels=("level",),
        )
        for level, count in self._levels.items():
            levels.add_metric((level.text,), count)
        yield from (events, errors, levels)


def _follow_to_the_end(response: Response, trail: Trail) -> None:
    """Have the trail told when a stream is over."""
    if response.stream is not None:
        response.stream = _Followed(response.stream, trail)
    elif response.events is not None:
        events: AsyncIterator[Sequence[WatchEvent]] = _Followed(response.events, trail)
        response.events = events
    elif response.upgrade is not None:
        upgrade = response.upgrade

        async def followed(incoming: Any) -> Any:
            try:
                return await upgrade(incoming)
            finally:
                trail.completed()

        response.upgrade = followed


class _Followed:
    """An iterator whose end the trail is told of."""

    def __init__(self, items: AsyncIterator[Any], trail: Trail) -> None:
        self._items = items
        self._trail: Trail | None = trail

    def __aiter__(self) -> "_Followed":
        return self

    async def __anext__(self) -> Any:
        try:
            return await anext(self._items)
        except BaseException:
            self._over()
            raise

    async def aclose(self) -> None:
        self._over()
        close = getattr(self._items, "aclose", None)
        if close is not None:
            await close()

    def _over(self) -> None:
        trail, self._trail = self._trail, None
        if trail is not None:
            trail.completed()
