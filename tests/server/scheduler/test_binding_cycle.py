"""From the decision to the node: permits, nominations, what is undone when something goes wrong or the Pod goes."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from fake_client import until

from minik.api.status import StatusError
from minik.client.clock import SystemClock
from minik.server.scheduler.binding_cycle import BindingCycles
from minik.server.scheduler.cache import Cache
from minik.server.scheduler.framework import CycleState, Enabled, Event, Profile, Refusal
from minik.server.scheduler.metrics import SchedulerMetrics
from minik.server.scheduler.node_info import PodInfo, pod_info
from minik.server.scheduler.permitting import Wait, WaitingPods
from minik.server.scheduler.plugins.priority_sort import PrioritySort
from minik.server.scheduler.queue import QueuedPod, SchedulingQueue
from minik.server.scheduler.reporting import Reporter

Obj = dict[str, Any]


class Api:
    """Keeps what Pods' statuses are patched with."""

    def __init__(self) -> None:
        self.patched: list[Obj] = []

    async def patch(self, resource: object, name: str, body: Obj, namespace: str, **_: object) -> Obj:
        self.patched.append(body["status"])
        return body


class Recorder:
    def __init__(self) -> None:
        self.events: list[tuple[str, str]] = []

    def event(self, about: Obj, kind: str, reason: str, message: str, **_: object) -> None:
        self.events.append((reason, message))


class Plugin:
    """Everything from reserve to bind, and a list of what was asked of it."""

    name = "Plugin"
    events = frozenset({Event.POD_GONE})

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.verdict: Refusal | Wait | None = None
        self.waits = False
        self.preparing: Callable[[], Awaitable[object]] | None = None
        self.refuses: StatusError | None = None

    async def reserve(self, state: CycleState, pod: PodInfo, node_name: str) -> None:
        self.asked.append("reserve")

    async def unreserve(self, state: CycleState, pod: PodInfo, node_name: str) -> None:
        self.asked.append("unreserve")

    async def permit(self, state: CycleState, pod: PodInfo, node_name: str) -> Refusal | Wait | None:
        self.asked.append("permit")
        return self.verdict

    def pre_bind_waits(self, state: CycleState, pod: PodInfo, node_name: str) -> bool:
        return self.waits

    async def pre_bind(self, state: CycleState, pod: PodInfo, node_name: str) -> None:
        self.asked.append("pre_bind")
        if self.preparing is not None:
            await self.preparing()

    async def bind(self, state: CycleState, pod: PodInfo, node_name: str) -> None:
        self.asked.append("bind")
        if self.refuses is not None:
            raise self.refuses


class Stage:
    def __init__(self) -> None:
        self.api, self.recorder, self.plugin = Api(), Recorder(), Plugin()
        self.cache, self.waiting = Cache(), WaitingPods()
        clock = SystemClock()
        self.queue = SchedulingQueue(clock, PrioritySort().sort_key)
        reporter = Reporter(self.api, {"default-scheduler": self.recorder}, clock)  # type: ignore[arg-type, dict-item]
        self.cycles = BindingCycles(self.cache, self.queue, (), reporter, self.waiting, SchedulerMetrics())
        self.profile = Profile("default-scheduler", (Enabled(self.plugin),))
        self.tasks: asyncio.TaskGroup

    async def bind(self, name: str = "a") -> QueuedPod:
        metadata = {"name": name, "namespace": "ns", "uid": name, "generation": 1}
        spec = {"containers": [{"name": "c"}], "schedulerName": "default-scheduler"}
        self.queue.add(pod_info({"metadata": metadata, "spec": spec}))
        queued = await self.queue.pop()
        await self.cycles.start(self.profile, {}, queued, "n1", self.tasks)
        return queued

    async def idle(self) -> None:
        await until(lambda: not self.cycles.under_way)

    async def waiting_for_permit(self, uid: str = "a") -> None:
        await until(lambda: self.waiting.get(uid) is not None)

    @property
    def state(self) -> str:
        return str(self.queue.describe("ns/a")["state"])

    @property
    def pods(self) -> int:
        return self.cache.sizes()["pods"]


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    found = Stage()
    async with asyncio.TaskGroup() as found.tasks:
        yield found
    found.queue.close()


async def test_a_pod_is_bound_and_says_so(stage: Stage) -> None:
    await stage.bind()
    await stage.idle()
    assert stage.plugin.asked == ["reserve", "permit", "pre_bind", "bind"]
    assert stage.recorder.events == [("Scheduled", "Successfully assigned ns/a to n1")]
    assert (stage.state, stage.pods, stage.api.patched) == ("not in the queue", 1, [])


async def test_a_pod_waits_until_it_is_allowed(stage: Stage) -> None:
    stage.plugin.verdict = Wait(60)
    await stage.bind()
    await stage.waiting_for_permit()
    (waiting,) = stage.waiting
    assert (waiting.pod.name, waiting.node_name, waiting.pending) == ("a", "n1", {"Plugin"})
    assert stage.api.patched == [{"nominatedNodeName": "n1"}], "others may know where it is going"
    waiting.allow("Somebody else")
    assert waiting.pending
    waiting.allow("Plugin")
    await stage.idle()
    assert stage.plugin.asked[-1] == "bind"
    assert list(stage.waiting) == []


@pytest.mark.parametrize("how", ["at once", "later", "too late"])
async def test_a_pod_that_is_rejected_gives_its_node_back(stage: Stage, how: str) -> None:
    stage.plugin.verdict = Refusal(("not today",)) if how == "at once" else Wait(0.01 if how == "too late" else 60)
    await stage.bind()
    if how == "later":
        await stage.waiting_for_permit()
        next(iter(stage.waiting)).reject("Plugin", "changed my mind")
    await stage.idle()
    assert stage.plugin.asked == ["reserve", "permit", "unreserve"]
    assert (stage.state, stage.pods) == ("unschedulable", 0)
    message = {
        "at once": "not today",
        "later": 'pod "ns/a" rejected while waiting on permit: changed my mind',
        "too late": (
            'pod "ns/a" rejected while waiting on permit: rejected due to timeout after waiting 0.01s at plugin Plugin'
        ),
    }[how]
    assert stage.recorder.events == [("FailedScheduling", message)]
    condition = stage.api.patched[-1]["conditions"][0]
    assert (condition["reason"], condition["message"]) == ("Unschedulable", message)


async def test_a_pod_that_is_deleted_meanwhile_is_let_go_of(stage: Stage) -> None:
    stage.plugin.waits = True
    stage.plugin.preparing = asyncio.Event().wait
    await stage.bind()
    await until(lambda: "pre_bind" in stage.plugin.asked)
    assert stage.api.patched == [{"nominatedNodeName": "n1"}]
    stage.queue.remove("ns/a")
    stage.cycles.abandon("a")
    await stage.idle()
    assert stage.plugin.asked == ["reserve", "permit", "pre_bind", "unreserve"]
    assert (stage.pods, stage.recorder.events, len(stage.queue)) == (0, [], 0)


@pytest.mark.parametrize(
    ("code", "state", "events"), [(404, "not in the queue", []), (409, "backoff", ["FailedScheduling"])]
)
async def test_a_binding_that_fails_is_tried_again_unless_the_pod_went(
    stage: Stage, code: int, state: str, events: list[str]
) -> None:
    stage.plugin.refuses = StatusError(code, "Conflict", "no")
    await stage.bind()
    await stage.idle()
    assert stage.plugin.asked[-2:] == ["bind", "unreserve"]
    assert (stage.state, stage.pods, [reason for reason, _ in stage.recorder.events]) == (state, 0, events)
