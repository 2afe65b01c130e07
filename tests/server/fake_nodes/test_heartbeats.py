"""Leases of fake nodes against an API in memory: they are renewed, and who falls silent becomes Unknown."""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "client"))

from fake_client import FakeClient, until

from minik.api.status import StatusError
from minik.api.types import Obj
from minik.client.events import EventBroadcaster
from minik.client.informer import Informers
from minik.client.resources import LEASES, NODES
from minik.server.controllers.context import ClusterSettings, ControllerContext
from minik.server.controllers.discovery import Discovery
from minik.server.controllers.node_lifecycle import NodeLifecycleController
from minik.server.fake_nodes import heartbeats
from minik.server.fake_nodes.heartbeats import Heartbeats
from minik.server.fake_nodes.node import CAPACITY, new_node

NAMESPACE = "kube-node-lease"
PERIOD = 0.02  # seconds, in place of ten


class Nodes:
    """A fake API, and components that run on it."""

    def __init__(self) -> None:
        self.client = FakeClient()
        self.clock = self.client.clock
        self.informers = Informers(self.client)
        self._tasks: list[asyncio.Task[None]] = []
        self.run(self.informers)

    def run(self, component: Any) -> asyncio.Task[None]:
        self._tasks.append(asyncio.create_task(component.run(asyncio.Event())))
        return self._tasks[-1]

    def beat(self) -> asyncio.Task[None]:
        return self.run(Heartbeats(self.client, self.informers, self.clock, period=PERIOD))

    def add(self, number: int, uid: str) -> str:
        node = new_node(number, CAPACITY, "2026-01-02T03:04:05Z")
        node["metadata"]["uid"] = uid
        self.client.add(NODES, node)
        return str(node["metadata"]["name"])

    def lease(self, name: str) -> Obj | None:
        return self.client.find(LEASES, name, NAMESPACE)

    def owner(self, name: str) -> str:
        lease = self.lease(name)
        return lease["metadata"]["ownerReferences"][0]["uid"] if lease else ""

    def renewed(self, name: str) -> bool:
        """Whether its Lease says the present time."""
        lease = self.lease(name)
        return lease is not None and lease["spec"]["renewTime"] == heartbeats.format_micro_time(self.clock.now())

    def is_ready(self, name: str) -> str:
        node = self.client.find(NODES, name)
        assert node is not None
        return str(next(c["status"] for c in node["status"]["conditions"] if c["type"] == "Ready"))

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


@pytest.fixture
async def nodes() -> AsyncIterator[Nodes]:
    made = Nodes()
    yield made
    await made.stop()


async def test_leases_are_made_and_renewed_for_ever(nodes: Nodes) -> None:
    names = [nodes.add(number, f"uid-{number}") for number in range(30)]
    nodes.beat()
    await until(lambda: all(nodes.renewed(name) for name in names))
    assert {nodes.owner(name) for name in names} == {f"uid-{number}" for number in range(30)}
    for _ in range(3):
        nodes.clock.advance(10)
        await until(lambda: all(nodes.renewed(name) for name in names))
    assert [verb for verb, _, _ in nodes.client.calls].count("create") == 30


async def test_a_node_that_others_own_is_left_alone(nodes: Nodes) -> None:
    nodes.client.add(NODES, {"metadata": {"name": "real", "uid": "r"}, "status": {}})
    name = nodes.add(0, "uid")
    nodes.beat()
    await until(lambda: nodes.renewed(name))
    assert nodes.lease("real") is None


async def test_a_failed_renewal_is_tried_again(nodes: Nodes) -> None:
    name = nodes.add(0, "uid")
    failures: list[Callable[..., Any]] = []

    def fail(verb: str, _resource: object, _name: str) -> Exception | None:
        if verb in ("create", "update"):
            failures.append(fail)
            return StatusError(500, "InternalError", "no")
        return None

    nodes.client.fail = fail
    nodes.beat()
    await until(lambda: failures)
    nodes.client.fail = lambda *_: None
    nodes.clock.advance(heartbeats.RETRY_AFTER)
    await until(lambda: nodes.renewed(name))


async def test_a_node_that_is_made_anew_takes_its_lease_over(nodes: Nodes) -> None:
    name = nodes.add(0, "first")
    nodes.beat()
    await until(lambda: nodes.renewed(name))
    nodes.client.remove(NODES, name)
    nodes.add(0, "second")
    await until(lambda: nodes.owner(name) == "second")
    nodes.clock.advance(10)
    await until(lambda: nodes.renewed(name))


async def test_a_node_becomes_unknown_when_its_heartbeats_stop(nodes: Nodes) -> None:
    async def discover() -> Discovery:
        return Discovery.of([])

    context = ControllerContext(
        client_for=lambda name: nodes.client,
        informers=nodes.informers,
        events=EventBroadcaster(nodes.client, nodes.clock),
        discover=discover,
        settings=ClusterSettings(root_ca=""),
        clock=nodes.clock,
    )
    name = nodes.add(0, "uid")
    beating = nodes.beat()
    lifecycle = NodeLifecycleController(context)
    nodes.run(lifecycle)
    await until(lambda: lifecycle.reconciled)
    for _ in range(12):  # two minutes
        nodes.clock.advance(10)
        await until(lambda: nodes.renewed(name))
        lease = nodes.lease(name)
        await until(lambda: nodes.informers.of(LEASES, NAMESPACE).get(name, NAMESPACE) == lease)  # noqa: B023
    assert nodes.is_ready(name) == "True"
    beating.cancel()
    nodes.clock.advance(ClusterSettings(root_ca="").node_monitor_grace_period + 1)
    await until(lambda: nodes.is_ready(name) == "Unknown")
