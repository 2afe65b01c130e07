"""How long a request may take: 60 s, or what ?timeout= says if that is less. Watches and streams may take for ever.

One timer looks after all requests, once a second while there are any, since a timer for each would cost more than the
rest of flow control. Texts: apiserver's WithRequestDeadline and WithTimeout filters.
"""

import asyncio
from collections.abc import Mapping, Sequence

from minik.api.go_duration import parse_duration
from minik.api.status import StatusError, bad_request, timeout

REQUEST_TIMEOUT = 60.0  # seconds, kube-apiserver's --request-timeout
_TICK = 1.0  # seconds
_WRITES = frozenset({"create", "update", "patch", "delete", "deletecollection"})


class Running:
    """A request on its way."""

    __slots__ = ("overdue", "task", "timer", "until")

    def __init__(self, task: "asyncio.Task[object]", until: float) -> None:
        self.task = task
        self.until = until
        self.overdue = False
        self.timer: asyncio.TimerHandle | None = None  # of those with less time than the others


class Deadlines:
    """Cancels the tasks of requests that take too long."""

    def __init__(self, limit: float = REQUEST_TIMEOUT) -> None:
        """`limit`: seconds that requests have which do not ask for less."""
        self.limit = limit
        self._running: set[Running] = set()
        self._timer: asyncio.TimerHandle | None = None

    def start(self, seconds: float) -> Running:
        """The current task is one request from here to `end`."""
        task = asyncio.current_task()
        assert task is not None
        loop = asyncio.get_running_loop()
        running = Running(task, loop.time() + seconds)
        self._running.add(running)
        if seconds < self.limit:
            running.timer = loop.call_later(seconds, self._expire, running)
        elif self._timer is None:
            self._timer = loop.call_later(_TICK, self._look)
        return running

    def end(self, running: Running) -> None:
        self._running.discard(running)
        if running.timer is not None:
            running.timer.cancel()

    def _look(self) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        for running in [each for each in self._running if each.until <= now]:
            self._expire(running)
        self._timer = loop.call_later(_TICK, self._look) if self._running else None

    def _expire(self, running: Running) -> None:
        if running in self._running:
            self._running.discard(running)
            running.overdue = True
            running.task.cancel()


def too_late(verb: str) -> StatusError:
    if verb in _WRITES:
        return timeout("request did not complete within requested timeout - context deadline exceeded")
    return timeout("request did not complete within the allotted timeout")


def asked_for(query: Mapping[str, Sequence[str]], limit: float = REQUEST_TIMEOUT) -> float:
    """Seconds the request may take. Raises StatusError 400."""
    values = query.get("timeout")
    if not values or not values[0]:
        return limit
    try:
        seconds = parse_duration(values[0])
    except ValueError as error:
        raise bad_request(f"invalid timeout specified in the request URL - {error}") from None
    return min(seconds, limit) if seconds > 0 else limit
