"""Binding beside the loop: whatever becomes of a Pod, its place is given back."""

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest

from minik.api.status import not_found
from minik.client.clock import SystemClock
from minik.server.scheduler.binding_cycle import BindingCycles
from minik.server.scheduler.events import Event, Happening
from minik.server.scheduler.metrics import SchedulerMetrics
from minik.server.scheduler.node_info import PodInfo, pod_info
from minik.server.scheduler.permitting import WaitingPods
from minik.server.scheduler.plugins.priority_sort import PrioritySort
from minik.server.scheduler.queue import SchedulingQueue


class Binder:
    """Never bound: the Pod is gone."""

    name = "Binder"

    async def pre_bind(self, *_: Any) -> None:
        await asyncio.sleep(0)

    async def bind(self, *_: Any) -> None:
        raise not_found("", "pods", "p")


class Profile:
    name = "default-scheduler"

    def at(self, point: str) -> list[Any]:
        return [SimpleNamespace(plugin=Binder())] if point in ("pre_bind", "bind") else []


class Ground:
    """A queue with one Pod in flight, and binding cycles."""

    def __init__(self) -> None:
        self.queue = SchedulingQueue(SystemClock(), PrioritySort().sort_key)
        cache = SimpleNamespace(set_pod=lambda *_: None, remove_pod=lambda _: None, nominate=lambda *_: None)
        metrics, reporter = SchedulerMetrics(), cast(Any, SimpleNamespace())
        self.bindings = BindingCycles(cast(Any, cache), self.queue, (), reporter, WaitingPods(), metrics)

    async def start(self, pod: PodInfo, tasks: asyncio.TaskGroup) -> None:
        self.queue.add(pod)
        queued = await self.queue.pop()
        await self.bindings.start(cast(Any, Profile()), {}, queued, "n", tasks)

    def nothing_is_left(self) -> bool:
        self.queue.happened([Happening(Event.NODE_ADDED)])
        return not self.bindings.under_way and not self.queue._in_flight and not self.queue._moves


@pytest.mark.parametrize("steps", range(4))
async def test_a_pod_that_goes_gives_its_place_back(steps: int) -> None:
    """However far its binding has come: not begun, in preBind, being bound, over."""
    ground = Ground()
    pod = pod_info({"metadata": {"name": "p", "namespace": "ns", "uid": "u"}, "spec": {"containers": []}})
    async with asyncio.TaskGroup() as tasks:
        await ground.start(pod, tasks)
        for _ in range(steps):
            await asyncio.sleep(0)
        ground.queue.remove(pod.key)
        ground.bindings.abandon(pod.uid)
    assert ground.nothing_is_left()
