"""Wakes one coroutine: now, or after a while. Of several timers only the earliest matters; the woken one sets anew."""

import asyncio


class Wake:
    """Waiting and waking happen in one event loop."""

    def __init__(self) -> None:
        self._event = asyncio.Event()
        self._timer: asyncio.TimerHandle | None = None
        self._due = 0.0  # loop time of the timer; uvloop's handles do not always know theirs

    def now(self) -> None:
        self._event.set()

    def after(self, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        when = loop.time() + max(seconds, 0.0)
        if self._timer is not None:
            if self._due <= when:
                return
            self._timer.cancel()
        self._due = when
        self._timer = loop.call_at(when, self._fire)

    async def wait(self) -> None:
        """Return at the next wake; one that came since the last wait counts."""
        await self._event.wait()
        self._event.clear()

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _fire(self) -> None:
        self._timer = None
        self._event.set()
