import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "client"))

from fake_client import FakeClient, FakeClock

from minik.client.resources import PODS
from minik.server.scheduler.node_info import PodInfo, pod_info
from minik.server.scheduler.preemptor import Preemptor

Obj = dict[str, Any]


class Recorder:
    def __init__(self) -> None:
        self.messages: list[str] = []

    def event(self, about: Obj, type: str, reason: str, message: str, **_: Any) -> None:
        self.messages.append(f"{about['name']} {type} {reason}: {message}")


def pod(client: FakeClient | None, name: str, **metadata: Any) -> PodInfo:
    spec = {"containers": [{"name": "c"}], "schedulerName": "default-scheduler", "nodeName": "n1"}
    obj: Obj = {"metadata": {"name": name, "namespace": "ns", "uid": f"uid-{name}", **metadata}, "spec": spec}
    if client is not None:
        client.add(PODS, {**obj, "metadata": {**obj["metadata"], "finalizers": ["x/y"]}})
    return pod_info(obj)


@pytest.fixture
async def client() -> FakeClient:
    return FakeClient()


async def test_victims_are_marked_deleted_and_told(client: FakeClient) -> None:
    recorder = Recorder()
    preemptor = Preemptor(client, {"default-scheduler": recorder}, FakeClock())  # type: ignore[dict-item]
    victims = [pod(client, "a"), pod(client, "b")]
    await preemptor.evict(victims, pod(None, "urgent"), "n1")
    for name in ("a", "b"):
        found = client.find(PODS, name, "ns") or {}
        assert found["metadata"]["deletionTimestamp"]
        condition = found["status"]["conditions"][0]
        assert (condition["type"], condition["reason"]) == ("DisruptionTarget", "PreemptionByScheduler")
        assert condition["message"] == "default-scheduler: preempting to accommodate a higher priority pod"
    assert recorder.messages == [
        f"{name} Normal Preempted: Preempted by pod uid-urgent on node n1" for name in ("a", "b")
    ]


async def test_who_leaves_already_or_has_gone_is_let_be(client: FakeClient) -> None:
    recorder = Recorder()
    preemptor = Preemptor(client, {"default-scheduler": recorder}, FakeClock())  # type: ignore[dict-item]
    await preemptor.evict([pod(None, "leaving", deletionTimestamp="x"), pod(None, "gone")], pod(None, "urgent"), "n1")
    assert recorder.messages == []
