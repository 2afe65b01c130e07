import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "client"))

from fake_client import FakeClient

from harness.api_server import ApiServer
from harness.cluster import eventually
from harness.objects import Objects, new_namespace
from minik.api.types import GVR, Obj
from minik.client.controller import Controller
from minik.client.events import EventBroadcaster
from minik.client.informer import Informers
from minik.client.resources import EVENTS
from minik.server.controllers.context import ClusterSettings, ControllerContext
from minik.server.controllers.discovery import ApiResource, Discovery

ALL = frozenset({"create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"})


class Cluster:
    """A fake API with running informers; controllers are started by the test."""

    def __init__(self) -> None:
        self.client = FakeClient()
        self.clock = self.client.clock
        self.informers = Informers(self.client)
        self.events = EventBroadcaster(self.client, self.clock)
        self.resources: list[ApiResource] = []
        self.settings = ClusterSettings(root_ca="PEM")
        self._tasks: list[asyncio.Task[None]] = []

    def start(self, build: Callable[[ControllerContext], Controller]) -> Controller:
        async def discover() -> Discovery:
            return Discovery.of(self.resources)

        context = ControllerContext(
            client_for=lambda name: self.client,
            informers=self.informers,
            events=self.events,
            discover=discover,
            settings=self.settings,
            clock=self.clock,
        )
        controller = build(context)
        if not self._tasks:
            self._run(self.informers.run)
            self._run(self.events.run)
        self._run(controller.run)
        return controller

    def serve(self, resource: GVR, kind: str, *, namespaced: bool = True) -> None:
        self.resources.append(ApiResource(resource, kind, namespaced, ALL))

    def reasons(self) -> list[str]:
        return [event["reason"] for event in self.client.all(EVENTS)]

    def _run(self, run: Callable[[asyncio.Event], object]) -> None:
        self._tasks.append(asyncio.create_task(run(asyncio.Event())))  # type: ignore[arg-type]

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


@pytest.fixture
async def cluster() -> AsyncIterator[Cluster]:
    cluster = Cluster()
    yield cluster
    await cluster.stop()


def pod(name: str, *, ready: bool = True, owner: Obj | None = None, **status: object) -> Obj:
    condition = {
        "type": "Ready",
        "status": "True" if ready else "False",
        "lastTransitionTime": "2026-01-02T03:00:00Z",
    }
    metadata: Obj = {
        "name": name,
        "namespace": "ns",
        "uid": f"uid-{name}",
        "creationTimestamp": "2026-01-02T02:00:00Z",
        "labels": {"app": "web"},
    }
    if owner is not None:
        metadata["ownerReferences"] = [owner]
    return {
        "metadata": metadata,
        "spec": {"nodeName": "n1", "containers": [{"name": "c", "image": "i"}]},
        "status": {"phase": "Running", "conditions": [condition], **status},
    }


@pytest.fixture
def make_pod() -> Callable[..., Obj]:
    return pod


@pytest.fixture(scope="session")
def fake_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    """A whole server with three fake nodes, and one named by-hand whose Pods are what the test says."""
    settings = {"fake-nodes": 3, "fake-job-seconds": 0.2, "fake-pod-delay": 0.02}
    with ApiServer(tmp_path_factory.mktemp("fakes") / "server", settings=settings) as server:
        with server.wire() as wire:
            by_hand = {
                "metadata": {"name": "by-hand"},
                "spec": {"taints": [{"key": "by-hand", "effect": "NoSchedule"}]},
            }
            wire.request("POST", "/api/v1/nodes", by_hand)
            eventually(lambda: len(wire.request("GET", "/api/v1/nodes").json()["items"]) == 4, what="the nodes")
        yield server
        assert server.failures() == []


@pytest.fixture
def objects(fake_cluster: ApiServer) -> Iterator[Objects]:
    """A new namespace of it, which goes with the test."""
    with fake_cluster.wire() as wire:
        objects = new_namespace(wire)
        yield objects
        objects.delete("namespaces", objects.namespace)
