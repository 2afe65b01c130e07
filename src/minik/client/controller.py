"""The loop of every controller: watch -> keys -> queue -> `reconcile`.

Level-triggered: a key says only that something about an object may differ from what should be. `reconcile(key)` reads
the present state from the caches, compares, and writes the difference; it never learns which event woke it, may be
called for nothing, and must be safe to call again. It returns None when the world is as wanted or will wake it by an
event, or the seconds after which to look again. It raises to be retried: the key comes back after its own backoff,
5 ms doubling up to 1000 s. A 409 Conflict, or a 404 for an object, is retried quietly: the cache was behind. Every
other error is logged.
One key is never worked on by two workers at once; different keys are, up to `workers`.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable

from minik.api.status import StatusError
from minik.client.clock import Clock, SystemClock
from minik.client.informer import Change, Handler, Informer, object_key
from minik.client.workqueue import WorkQueue

log = logging.getLogger("minik.controller")

QUIET_RETRIES = 5  # connection failures and timeouts before the log hears of them

Mapper = Callable[[Change], Iterable[str]]


def own_key(change: Change) -> Iterable[str]:
    """The mapping for the resource that a controller is about."""
    return (object_key(change.obj),)


class Controller:
    """Subclasses set `name`, call `watch` in their constructor and define `reconcile`. A component."""

    name = "controller"
    workers = 4

    def __init__(self, *, clock: Clock | None = None) -> None:
        self.clock: Clock = clock or SystemClock()
        self.queue = WorkQueue(self.clock)
        self.reconciled = 0  # metrics: runs of `reconcile`, and those that raised
        self.failed = 0
        self._informers: list[Informer] = []
        self._untold: list[tuple[Informer, Handler]] | None = []  # until the first run, when all caches are known

    def watch(self, informer: Informer, keys: Mapper | None = own_key) -> Informer:
        """Queue `keys(change)` for every change. With None the informer is only waited for and read.

        `keys` is not called before `run`, so it may read what the constructor sets later.
        """
        if informer not in self._informers:
            self._informers.append(informer)
        if keys is not None:
            mapper = keys

            def handle(changes: Iterable[Change]) -> None:
                for change in changes:
                    for key in mapper(change):
                        self.queue.add(key)

            if self._untold is None:
                informer.add_handler(handle)
            else:
                self._untold.append((informer, handle))
        return informer

    async def reconcile(self, key: str) -> float | None:
        """Make what is as it should be. See the module's text for the contract."""
        raise NotImplementedError

    async def run(self, ready: asyncio.Event) -> None:
        untold, self._untold = self._untold or (), None
        for informer, handler in untold:
            informer.add_handler(handler)
        for informer in self._informers:
            await informer.wait_synced()
        ready.set()
        async with asyncio.TaskGroup() as group:
            for number in range(self.workers):
                group.create_task(self._work(), name=f"{self.name}-{number}")

    async def _work(self) -> None:
        while True:
            key = await self.queue.get()
            try:
                await self._process(key)
            finally:
                self.queue.done(key)

    async def _process(self, key: str) -> None:
        try:
            again = await self.reconcile(key)
        except Exception as error:
            self.failed += 1
            self._report(key, error)
            self.queue.add_rate_limited(key)
        else:
            self.queue.forget(key)
            if again is not None:
                self.queue.add_after(key, again)
        finally:
            self.reconciled += 1

    def _report(self, key: str, error: Exception) -> None:
        if isinstance(error, StatusError):
            if not _is_stale(error):
                log.warning("%s: %s: %s", self.name, key, error.message)
        elif isinstance(error, (ConnectionError, TimeoutError)):
            if self.queue.failures(key) >= QUIET_RETRIES:
                log.warning("%s: %s: %r", self.name, key, error)
        else:
            log.error("%s: %s failed", self.name, key, exc_info=error)


def _is_stale(error: StatusError) -> bool:
    """Whether the error only says that the cache was behind. A 404 without a name is a path that nobody serves."""
    return error.code == 409 or (error.code == 404 and bool((error.details or {}).get("name")))
