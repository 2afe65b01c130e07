import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "client"))

from fake_client import FakeClient, FakeClock, until

from minik.api.status import StatusError
from minik.client.informer import Informers
from minik.client.resources import (
    CSI_DRIVERS,
    CSI_STORAGE_CAPACITIES,
    PERSISTENT_VOLUME_CLAIMS,
    PERSISTENT_VOLUMES,
    STORAGE_CLASSES,
)
from minik.server.scheduler.framework import CycleState, Enabled, Profile, Snapshot
from minik.server.scheduler.handle import Handle
from minik.server.scheduler.node_info import NodeInfo, PodInfo, pod_info
from minik.server.scheduler.plugins.volume_binding import VolumeBinding
from minik.server.scheduler.plugins.volume_restrictions import VolumeRestrictions
from minik.server.volumes.matching import BIND_COMPLETED, SELECTED_NODE

Obj = dict[str, Any]


@pytest.fixture
async def client() -> FakeClient:
    return FakeClient()


@pytest.fixture
async def plugin(client: FakeClient) -> AsyncIterator[VolumeBinding]:
    informers = Informers(client)
    found = VolumeBinding({"bindTimeoutSeconds": 600}, Handle(client, informers, FakeClock(), "test"))
    task = asyncio.create_task(informers.run(asyncio.Event()))
    await informers.wait_synced()
    yield found
    task.cancel()


def pod(*claims: str) -> PodInfo:
    volumes = [{"name": name, "persistentVolumeClaim": {"claimName": name}} for name in claims]
    metadata = {"name": "p", "namespace": "ns", "uid": "u"}
    return pod_info({"metadata": metadata, "spec": {"containers": [{"name": "c"}], "volumes": volumes}})


def nodes(*names: str) -> Snapshot:
    found = {}
    for name in names:
        found[name] = NodeInfo(name)
        labels = {"kubernetes.io/hostname": name}
        found[name].set_node({"metadata": {"name": name, "labels": labels}, "spec": {}, "status": {}})
    return Snapshot(found)


def claim(storage_class: str, volume: str = "") -> Obj:
    spec: Obj = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    notes = {BIND_COMPLETED: "yes"} if volume else {}
    spec |= {"storageClassName": storage_class, **({"volumeName": volume} if volume else {})}
    return {"metadata": {"name": "d", "namespace": "ns", "annotations": notes}, "spec": spec}


def volume(name: str, node: str) -> Obj:
    expression = {"key": "kubernetes.io/hostname", "operator": "In", "values": [node]}
    affinity = {"required": {"nodeSelectorTerms": [{"matchExpressions": [expression]}]}}
    spec = {"capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"], "nodeAffinity": affinity}
    return {
        "metadata": {"name": name},
        "spec": {**spec, "storageClassName": "late"},
        "status": {"phase": "Available"},
    }


def late(provisioner: str) -> Obj:
    return {"metadata": {"name": "late"}, "provisioner": provisioner, "volumeBindingMode": "WaitForFirstConsumer"}


def feasible(plugin: VolumeBinding, state: CycleState, pod: PodInfo) -> tuple[list[str], str]:
    profile = Profile("test", (Enabled(plugin),))
    fitting, diagnosis = profile.feasible(state, pod, nodes("n1", "n2"))
    return [node.name for node in fitting], diagnosis.message(2)


async def test_a_pod_without_claims_goes_anywhere(plugin: VolumeBinding) -> None:
    state: CycleState = {}
    assert feasible(plugin, state, pod())[0] == ["n1", "n2"]
    assert plugin.name not in state


async def test_claims_must_be_there_and_bound_unless_their_class_waits(
    plugin: VolumeBinding, client: FakeClient
) -> None:
    assert 'persistentvolumeclaim "d" not found' in feasible(plugin, {}, pod("d"))[1]
    client.add(PERSISTENT_VOLUME_CLAIMS, claim("other"))
    await until(lambda: "pod has unbound immediate PersistentVolumeClaims" in feasible(plugin, {}, pod("d"))[1])
    client.add(STORAGE_CLASSES, late("kubernetes.io/no-provisioner"))
    client.change(PERSISTENT_VOLUME_CLAIMS, "d", "ns", {"spec": {"storageClassName": "late"}})
    message = "0/2 nodes are available: 2 node(s) didn't find available persistent volumes to bind."
    await until(lambda: feasible(plugin, {}, pod("d")) == ([], message))


async def test_a_bound_volume_decides_the_node(plugin: VolumeBinding, client: FakeClient) -> None:
    client.add(PERSISTENT_VOLUME_CLAIMS, claim("late", "v"))
    client.add(PERSISTENT_VOLUMES, volume("v", "n2"))
    await until(lambda: feasible(plugin, {}, pod("d"))[0] == ["n2"])


async def test_a_free_volume_is_reserved_and_waited_for(plugin: VolumeBinding, client: FakeClient) -> None:
    client.add(STORAGE_CLASSES, late("kubernetes.io/no-provisioner"))
    client.add(PERSISTENT_VOLUME_CLAIMS, claim("late"))
    client.add(PERSISTENT_VOLUMES, volume("v", "n2"))
    state: CycleState = {}
    await until(lambda: feasible(plugin, state, pod("d"))[0] == ["n2"])
    binding = asyncio.create_task(plugin.pre_bind(state, pod("d"), "n2"))
    await until(lambda: (client.find(PERSISTENT_VOLUMES, "v") or {})["spec"].get("claimRef"))
    assert not binding.done()
    bound = {"metadata": {"annotations": {BIND_COMPLETED: "yes"}}, "spec": {"volumeName": "v"}}
    client.change(PERSISTENT_VOLUME_CLAIMS, "d", "ns", bound)
    await binding


async def test_a_provisioner_is_told_the_node(plugin: VolumeBinding, client: FakeClient) -> None:
    client.add(STORAGE_CLASSES, late("example.com/disks"))
    client.add(PERSISTENT_VOLUME_CLAIMS, claim("late"))
    state: CycleState = {}
    await until(lambda: feasible(plugin, state, pod("d"))[0] == ["n1", "n2"])
    binding = asyncio.create_task(plugin.pre_bind(state, pod("d"), "n1"))

    def chosen() -> str:
        found = client.find(PERSISTENT_VOLUME_CLAIMS, "d", "ns") or {}
        return str(found["metadata"]["annotations"].get(SELECTED_NODE))

    await until(lambda: chosen() == "n1")
    binding.cancel()


async def test_a_claim_for_one_pod_is_not_shared(client: FakeClient) -> None:
    informers = Informers(client)
    plugin = VolumeRestrictions(informers)
    task = asyncio.create_task(informers.run(asyncio.Event()))
    await informers.wait_synced()
    client.add(PERSISTENT_VOLUME_CLAIMS, {**claim("x"), "spec": {"accessModes": ["ReadWriteOncePod"]}})
    profile, snapshot = Profile("test", (Enabled(plugin),)), nodes("n1", "n2")
    other = pod("d")
    other.uid = "other"
    snapshot.nodes["n1"].add(other)

    def fitting() -> list[str]:
        return [node.name for node in profile.feasible({}, pod("d"), snapshot)[0]]

    await until(lambda: fitting() == [])
    state: CycleState = {}
    profile.feasible(state, pod("d"), snapshot)
    assert profile.refusal(state, pod("d"), snapshot.nodes["n1"].without(["other"])) is None  # preemption may help
    snapshot.nodes["n1"].remove("other")
    assert fitting() == ["n1", "n2"]
    task.cancel()


def driver(name: str) -> Obj:
    return {"metadata": {"name": name}, "spec": {"storageCapacity": True}}


def room(node: str, size: str) -> Obj:
    topology = {"matchLabels": {"kubernetes.io/hostname": node}}
    metadata = {"name": f"on-{node}", "namespace": "csi"}
    return {"metadata": metadata, "storageClassName": "late", "capacity": size, "nodeTopology": topology}


async def test_a_driver_that_reports_its_room_is_asked_only_where_there_is_enough(
    plugin: VolumeBinding, client: FakeClient
) -> None:
    client.add(CSI_DRIVERS, driver("example.com/disks"))
    client.add(STORAGE_CLASSES, late("example.com/disks"))
    client.add(PERSISTENT_VOLUME_CLAIMS, claim("late"))
    client.add(CSI_STORAGE_CAPACITIES, room("n1", "512Mi"))
    message = "0/2 nodes are available: 2 node(s) did not have enough free storage."
    await until(lambda: feasible(plugin, {}, pod("d")) == ([], message))
    client.add(CSI_STORAGE_CAPACITIES, room("n2", "1Gi"))
    await until(lambda: feasible(plugin, {}, pod("d"))[0] == ["n2"])


async def test_what_was_decided_for_one_pod_counts_for_the_next(plugin: VolumeBinding, client: FakeClient) -> None:
    client.add(STORAGE_CLASSES, late("kubernetes.io/no-provisioner"))
    client.add(PERSISTENT_VOLUME_CLAIMS, claim("late"))
    client.add(PERSISTENT_VOLUME_CLAIMS, {**claim("late"), "metadata": {"name": "e", "namespace": "ns"}})
    client.add(PERSISTENT_VOLUMES, volume("v", "n2"))
    first: CycleState = {}
    await until(lambda: feasible(plugin, first, pod("d"))[0] == ["n2"] and feasible(plugin, {}, pod("e"))[0] == ["n2"])
    await plugin.reserve(first, pod("d"), "n2")
    assert feasible(plugin, {}, pod("e"))[0] == []
    await plugin.unreserve(first, pod("d"), "n2")
    assert feasible(plugin, {}, pod("e"))[0] == ["n2"]


async def test_a_provisioner_that_gives_up_sends_the_pod_back(plugin: VolumeBinding, client: FakeClient) -> None:
    client.add(STORAGE_CLASSES, late("example.com/disks"))
    client.add(PERSISTENT_VOLUME_CLAIMS, claim("late"))
    state: CycleState = {}
    await until(lambda: feasible(plugin, state, pod("d"))[0] == ["n1", "n2"])
    binding = asyncio.create_task(plugin.pre_bind(state, pod("d"), "n1"))
    found = {SELECTED_NODE: "n1"}
    await until(lambda: (client.find(PERSISTENT_VOLUME_CLAIMS, "d", "ns") or {})["metadata"]["annotations"] == found)
    client.change(PERSISTENT_VOLUME_CLAIMS, "d", "ns", {"metadata": {"annotations": {SELECTED_NODE: None}}})
    with pytest.raises(StatusError, match='provisioning failed for PVC "d"'):
        await binding
