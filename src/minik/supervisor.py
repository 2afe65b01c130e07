"""Starts components in order, restarts what crashes, stops in reverse.

    start:  A ready -> B ready -> C ready        stop (cancel, wait for `finally`):  C -> B -> A

A component is one noun with one coroutine. It is cancelled to stop and cleans up in `finally`. One that crashes is
logged with its traceback and restarted with backoff; a crash of a `vital` one, or a StartupError, ends the process.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Protocol

from minik.config import StartupError

log = logging.getLogger("minik.supervisor")

FIRST_BACKOFF, LONGEST_BACKOFF = 0.5, 30.0  # seconds
STABLE_AFTER = 60.0  # a component that ran this long starts over with the first backoff
STOP_TIMEOUT = 20.0  # seconds a component may take to clean up


class Component(Protocol):
    """A part of minik. `run` sets `ready` once others may lean on it and returns only when cancelled."""

    name: str

    async def run(self, ready: asyncio.Event) -> None: ...


class Background:
    """A component that the next one need not wait for. It is ready at once; `started` tells when it really is."""

    def __init__(self, component: Component) -> None:
        self.name = component.name
        self.started = asyncio.Event()
        self._component = component

    async def run(self, ready: asyncio.Event) -> None:
        ready.set()
        await self._component.run(self.started)


class Group:
    """Components that are made when their turn comes, so that those before them need not wait for their imports.

    `module` brings in what takes long; it is imported in a thread, while what runs already goes on.
    """

    def __init__(self, name: str, module: str, make: Callable[[], Sequence[Component]]) -> None:
        self.name = name
        self._module = module
        self._make = make

    async def run(self, ready: asyncio.Event) -> None:
        await asyncio.to_thread(import_module, self._module)
        await Supervisor(self._make(), started=ready).run()


class Supervisor:
    """Owns the components of one process. `run` starts them one after the other and returns when cancelled."""

    def __init__(
        self,
        components: Sequence[Component],
        *,
        vital: Sequence[str] = ("apiserver",),
        started: asyncio.Event | None = None,
    ) -> None:
        self._components = components
        self._vital = set(vital)
        self.started = started or asyncio.Event()  # every component has been ready once

    async def run(self) -> None:
        tasks: list[asyncio.Task[None]] = []
        try:
            for component in self._components:
                ready = asyncio.Event()
                task = asyncio.create_task(self._keep_running(component, ready), name=component.name)
                tasks.append(task)
                await _ready_or_failed(ready, tasks)
            self.started.set()
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()  # a vital component ended: say why
        finally:
            for task in reversed(tasks):
                await _stop(task)

    async def _keep_running(self, component: Component, ready: asyncio.Event) -> None:
        backoff = FIRST_BACKOFF
        while True:
            started = time.monotonic()
            try:
                await component.run(ready)
                if component.name in self._vital:
                    raise RuntimeError(f"component {component.name} ended unexpectedly")
                log.error("component %s ended unexpectedly", component.name)
            except StartupError:
                raise
            except Exception:
                if component.name in self._vital:
                    raise
                log.exception("component %s crashed", component.name)
            if time.monotonic() - started > STABLE_AFTER:
                backoff = FIRST_BACKOFF
            await asyncio.sleep(backoff)
            backoff = min(backoff * 2, LONGEST_BACKOFF)


async def _ready_or_failed(ready: asyncio.Event, tasks: Sequence[asyncio.Task[None]]) -> None:
    waiter = asyncio.create_task(ready.wait())
    try:
        await asyncio.wait([waiter, *tasks], return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            if task.done():
                task.result()
    finally:
        waiter.cancel()


async def _stop(task: asyncio.Task[None]) -> None:
    task.cancel()
    done, pending = await asyncio.wait([task], timeout=STOP_TIMEOUT)
    for stuck in pending:
        log.error("component %s did not stop within %.0f s", stuck.get_name(), STOP_TIMEOUT)
    for ended in done:
        if not ended.cancelled() and ended.exception() is not None:
            log.debug("component %s ended with %r while stopping", ended.get_name(), ended.exception())
