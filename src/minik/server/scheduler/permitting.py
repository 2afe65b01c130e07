"""permit: a plugin may have a Pod wait, node in hand, until somebody allows or rejects it (gangs, approvals).

    async def permit(state, pod, node_name) -> None (go on) | Refusal | Wait(seconds)

Whoever has the Handle finds the Pods that wait in `handle.waiting`. One that waits too long is rejected.
"""

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from minik.server.scheduler.framework import Refusal
from minik.server.scheduler.node_info import PodInfo

LONGEST_WAIT = 15 * 60.0  # seconds, whatever a plugin asks for


@dataclass(frozen=True, slots=True)
class Wait:
    """What `permit` answers to have the Pod wait for `WaitingPod.allow`, so long at most."""

    seconds: float


class WaitingPod:
    """A Pod that plugins keep waiting. It goes on when all of them allow it."""

    def __init__(self, pod: PodInfo, node_name: str, waits: Mapping[str, Wait]) -> None:
        self.pod, self.node_name = pod, node_name
        loop = asyncio.get_running_loop()
        self._verdict: asyncio.Future[Refusal | None] = loop.create_future()
        self._timers = {
            plugin: loop.call_later(min(wait.seconds, LONGEST_WAIT), self._expire, plugin, wait)
            for plugin, wait in waits.items()
        }

    @property
    def pending(self) -> frozenset[str]:
        """The plugins that have not allowed it yet."""
        return frozenset(self._timers)

    def allow(self, plugin: str) -> None:
        timer = self._timers.pop(plugin, None)
        if timer is not None:
            timer.cancel()
        if not self._timers and not self._verdict.done():
            self._verdict.set_result(None)

    def reject(self, plugin: str, message: str) -> None:
        if not self._verdict.done():
            self._verdict.set_result(Refusal((message,), plugin=plugin))

    def _expire(self, plugin: str, wait: Wait) -> None:
        seconds = min(wait.seconds, LONGEST_WAIT)
        self.reject(plugin, f"rejected due to timeout after waiting {seconds:g}s at plugin {plugin}")

    async def decided(self) -> Refusal | None:
        try:
            return await self._verdict
        finally:
            for timer in self._timers.values():
                timer.cancel()


class WaitingPods:
    """By uid."""

    def __init__(self) -> None:
        self._pods: dict[str, WaitingPod] = {}

    def __iter__(self) -> Iterator[WaitingPod]:
        return iter([*self._pods.values()])

    def get(self, uid: str) -> WaitingPod | None:
        return self._pods.get(uid)

    async def wait(self, pod: PodInfo, node_name: str, waits: Mapping[str, Wait]) -> Refusal | None:
        """Until the Pod is allowed (None) or rejected."""
        waiting = self._pods[pod.uid] = WaitingPod(pod, node_name, waits)
        try:
            return await waiting.decided()
        finally:
            del self._pods[pod.uid]
