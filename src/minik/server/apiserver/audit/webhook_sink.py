"""Sends audit events to a webhook: in batches, or each before its request is answered; large ones are cut down.

Upstream: apiserver's plugin/buffered and plugin/truncate.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import orjson

from minik.api.types import Obj

log = logging.getLogger("minik.apiserver.audit")

_RETRIES = 4  # of a batch the webhook did not take; the wait doubles each time
_TRUNCATED = "audit.k8s.io/truncated"


class Receiver(Protocol):
    """The webhook. Raises ConnectionError."""

    async def post(self, obj: Obj) -> Any: ...

    async def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Sending:
    """The --audit-webhook-* flags; seconds and bytes. `largest_event`, `largest_batch` 0: nothing is cut down."""

    blocking: bool = False
    batch: int = 400
    longest_wait: float = 30.0
    buffer: int = 10_000
    first_retry: float = 10.0
    largest_event: int = 0
    largest_batch: int = 0


class WebhookSink:
    """`run` sends what was offered; `send` sends at once."""

    def __init__(self, receiver: Receiver, sending: Sending | None = None) -> None:
        self._receiver = receiver
        self.sending = sending or Sending()
        self._waiting: deque[Obj] = deque()
        self._wake = asyncio.Event()
        self.lost = 0

    def offer(self, events: Sequence[Obj]) -> None:
        room = max(0, self.sending.buffer - len(self._waiting))
        self.lost += max(0, len(events) - room)
        self._waiting.extend(events[:room])
        self._wake.set()

    async def run(self) -> None:
        try:
            while True:
                await self._wake.wait()
                await self._fill()
                batch = self._take()
                if batch:
                    await self.send(batch)
        finally:
            await self._receiver.close()

    async def _fill(self) -> None:
        """Wait until a batch is full, but not for ever."""
        try:
            async with asyncio.timeout(self.sending.longest_wait):
                while len(self._waiting) < self.sending.batch:
                    self._wake.clear()
                    await self._wake.wait()
        except TimeoutError:
            pass

    def _take(self) -> list[Obj]:
        batch = [self._waiting.popleft() for _ in range(min(self.sending.batch, len(self._waiting)))]
        if not self._waiting:
            self._wake.clear()
        return batch

    async def send(self, events: Sequence[Obj]) -> None:
        """Never raises; what the webhook does not take after some tries is lost and counted."""
        for batch in self._batches(events):
            await self._post(batch)

    def _batches(self, events: Sequence[Obj]) -> Iterator[list[Obj]]:
        sending = self.sending
        if not sending.largest_event:
            yield list(events)
            return
        batch: list[Obj] = []
        size = 0
        for event in events:
            cut, length = cut_down(event, sending.largest_event)
            if cut is None:
                self.lost += 1
                log.warning("an audit event is larger than %d bytes and lost", sending.largest_event)
                continue
            if batch and size + length > sending.largest_batch:
                yield batch
                batch, size = [], 0
            batch.append(cut)
            size += length
        if batch:
            yield batch

    async def _post(self, batch: Sequence[Obj]) -> None:
        items = [{key: value for key, value in each.items() if key not in ("kind", "apiVersion")} for each in batch]
        whole = {"kind": "EventList", "apiVersion": "audit.k8s.io/v1", "metadata": {}, "items": items}
        for attempt in range(_RETRIES + 1):
            try:
                await self._receiver.post(whole)
            except ConnectionError as error:
                if attempt == _RETRIES or self.sending.blocking:
                    log.warning("%d audit events are lost: %s", len(batch), error)
                    self.lost += len(batch)
                    return
                await asyncio.sleep(self.sending.first_retry * 2**attempt)
            else:
                return


def cut_down(event: Obj, largest: int) -> tuple[Obj | None, int]:
    """The event and its size, without its bodies if it is larger than `largest` bytes; None if it still is then."""
    size = len(orjson.dumps(event))
    if size <= largest:
        return event, size
    short = {key: value for key, value in event.items() if key not in ("requestObject", "responseObject")}
    short["annotations"] = {**(event.get("annotations") or {}), _TRUNCATED: "true"}
    size = len(orjson.dumps(short))
    return (short, size) if size <= largest else (None, size)
