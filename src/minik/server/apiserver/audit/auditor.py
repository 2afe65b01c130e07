"""Records requests: gives each a trail, collects events, and writes them to the log and the webhook.

Requests never wait for it. Events wait in a bounded buffer; when it is full, which takes a disk that has stopped, the
newest are lost and counted, as with upstream's batching backends.
"""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import datetime
from typing import Any, Protocol
from uuid import uuid4

import orjson

from minik.api.request import Request, Response, WatchEvent
from minik.api.scheme import Scheme
from minik.api.status import StatusError
from minik.api.types import Obj
from minik.server.apiserver.audit.log_file import LogFile
from minik.server.apiserver.audit.policy import Policy
from minik.server.apiserver.audit.trail import Trail, event

log = logging.getLogger("minik.apiserver.audit")

_BUFFER = 10000  # events
_BATCH = 400  # events written or sent at once
_LONGEST_WAIT = 30.0  # seconds until a batch that is not full is sent to the webhook
_RETRIES, _FIRST_RETRY = 4, 1.0  # of a batch the webhook did not take; seconds, doubled each time

Handle = Callable[[Request], Awaitable[Response]]


class Receiver(Protocol):
    """The webhook. Raises ConnectionError."""

    async def post(self, obj: Obj) -> Any: ...

    async def close(self) -> None: ...


class Auditor:
    """The component. `log_file` and `webhook` are where events go; either may be missing."""

    name = "audit"

    def __init__(
        self, policy: Policy, scheme: Scheme, *, log_file: LogFile | None = None, webhook: Receiver | None = None
    ) -> None:
        self._policy = policy
        self._scheme = scheme
        self._log_file = log_file
        self._webhook = webhook
        self._pending: deque[tuple[Trail, str, datetime]] = deque()
        self._unsent: deque[Obj] = deque()
        self._wake = asyncio.Event()
        self._unsent_wake = asyncio.Event()
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
        trail.answered(response)
        _follow_to_the_end(response, trail)
        return response

    def _record(self, trail: Trail, stage: str, at: datetime) -> None:
        if len(self._pending) >= _BUFFER:
            self.lost += 1
            return
        self._pending.append((trail, stage, at))
        self._wake.set()

    async def run(self, ready: asyncio.Event) -> None:
        if self._log_file is not None:
            await asyncio.to_thread(self._log_file.open)
        try:
            async with asyncio.TaskGroup() as tasks:
                if self._webhook is not None:
                    tasks.create_task(self._send())
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
            if self._webhook is not None:
                await self._webhook.close()

    def _take(self) -> list[tuple[Trail, str, datetime]]:
        return [self._pending.popleft() for _ in range(min(_BATCH, len(self._pending)))]

    async def _write_batch(self) -> None:
        batch = self._take()
        try:
            events = await asyncio.to_thread(self._write, batch)
        except Exception:
            log.exception("%d audit events are lost", len(batch))
            self.lost += len(batch)
            return
        if self._webhook is not None:
            self._unsent.extend(events[: _BUFFER - len(self._unsent)])
            self._unsent_wake.set()

    def _write(self, batch: Sequence[tuple[Trail, str, datetime]]) -> list[Obj]:
        """Runs in a thread."""
        events = [event(trail, stage, at, self._scheme) for trail, stage, at in batch]
        if self._log_file is not None:
            self._log_file.write([orjson.dumps(each) + b"\n" for each in events])
        return events if self._webhook is not None else []

    # -- webhook

    async def _send(self) -> None:
        assert self._webhook is not None
        while True:
            await self._unsent_wake.wait()
            try:
                async with asyncio.timeout(_LONGEST_WAIT):
                    while len(self._unsent) < _BATCH:
                        self._unsent_wake.clear()
                        await self._unsent_wake.wait()
            except TimeoutError:
                pass
            batch = [self._unsent.popleft() for _ in range(min(_BATCH, len(self._unsent)))]
            if not self._unsent:
                self._unsent_wake.clear()
            if batch:
                await self._send_batch(batch)

    async def _send_batch(self, batch: list[Obj]) -> None:
        assert self._webhook is not None
        items = [{key: value for key, value in each.items() if key not in ("kind", "apiVersion")} for each in batch]
        whole = {"kind": "EventList", "apiVersion": "audit.k8s.io/v1", "metadata": {}, "items": items}
        for attempt in range(_RETRIES + 1):
            try:
                await self._webhook.post(whole)
            except ConnectionError as error:
                if attempt == _RETRIES:
                    log.warning("%d audit events are lost: %s", len(batch), error)
                    self.lost += len(batch)
                    return
                await asyncio.sleep(_FIRST_RETRY * 2**attempt)
            else:
                return


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
