"""VolumeZone, NodeVolumeLimits and the disks of VolumeRestrictions."""

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "client"))

from fake_client import FakeClient, until

from minik.client.informer import Informers
from minik.client.resources import (
    CSI_NODES,
    PERSISTENT_VOLUME_CLAIMS,
    PERSISTENT_VOLUMES,
    STORAGE_CLASSES,
    VOLUME_ATTACHMENTS,
)
from minik.server.scheduler.framework import CycleState, Enabled, Profile, Snapshot
from minik.server.scheduler.node_info import NodeInfo, PodInfo, pod_info
from minik.server.scheduler.plugins.node_volume_limits import NodeVolumeLimits, exceeds
from minik.server.scheduler.plugins.volume_restrictions import VolumeRestrictions, conflict
from minik.server.scheduler.plugins.volume_zone import VolumeZone, is_in, topologies_of

Obj = dict[str, Any]
ZONE, OLD_ZONE, REGION = (
    "topology.kubernetes.io/zone",
    "failure-domain.beta.kubernetes.io/zone",
    "topology.kubernetes.io/region",
)


@pytest.fixture
async def client() -> FakeClient:
    return FakeClient()


@pytest.fixture
async def informers(client: FakeClient) -> AsyncIterator[Informers]:
    found = Informers(client)
    task = asyncio.create_task(found.run(asyncio.Event()))
    yield found
    task.cancel()


def pod(uid: str, *claims: str) -> PodInfo:
    volumes = [{"name": name, "persistentVolumeClaim": {"claimName": name}} for name in claims]
    metadata = {"name": uid, "namespace": "ns", "uid": uid}
    return pod_info({"metadata": metadata, "spec": {"containers": [{"name": "c"}], "volumes": volumes}})


def node(name: str, labels: Obj | None = None) -> NodeInfo:
    found = NodeInfo(name)
    found.set_node({"metadata": {"name": name, "labels": labels or {}}, "spec": {}, "status": {}})
    return found


def claim(name: str, volume: str = "", storage_class: str = "") -> Obj:
    spec: Obj = {"storageClassName": storage_class, **({"volumeName": volume} if volume else {})}
    return {"metadata": {"name": name, "namespace": "ns"}, "spec": spec}


def volume(name: str, labels: Obj | None = None, **spec: Any) -> Obj:
    return {"metadata": {"name": name, "labels": labels or {}}, "spec": spec}


def verdict(plugin: Any, subject: PodInfo, *nodes: NodeInfo) -> tuple[list[str], str]:
    state: CycleState = {}
    fitting, diagnosis = Profile("t", (Enabled(plugin),)).feasible(state, subject, Snapshot({n.name: n for n in nodes}))
    return [each.name for each in fitting], diagnosis.message(len(nodes))


@pytest.mark.parametrize(
    ("labels", "node_labels", "expected"),
    [
        ({ZONE: "a"}, {ZONE: "a"}, True),
        ({ZONE: "a"}, {ZONE: "b"}, False),
        ({ZONE: "a__b"}, {ZONE: "b"}, True),
        ({OLD_ZONE: "a"}, {ZONE: "a"}, True),
        ({ZONE: "a"}, {OLD_ZONE: "a"}, True),
        ({ZONE: "a", REGION: "r"}, {ZONE: "a", REGION: "s"}, False),
        ({ZONE: "a"}, {REGION: "r"}, False),
        ({ZONE: "a"}, {}, True),  # a cluster without zones
        ({}, {ZONE: "a"}, True),
    ],
)
def test_zones(labels: Obj, node_labels: Obj, expected: bool) -> None:
    assert is_in(topologies_of(volume("v", labels)), node("n", node_labels)) is expected


async def test_a_pod_goes_to_the_zone_of_its_volume(client: FakeClient, informers: Informers) -> None:
    plugin = VolumeZone(informers)
    client.add(PERSISTENT_VOLUMES, volume("v", {ZONE: "a"}))
    client.add(PERSISTENT_VOLUME_CLAIMS, claim("d", "v"))
    nodes = node("n1", {ZONE: "a"}), node("n2", {ZONE: "b"})
    await until(lambda: verdict(plugin, pod("p", "d"), *nodes)[0] == ["n1"])
    message = verdict(plugin, pod("p", "d"), nodes[1])[1]
    assert message == "0/1 nodes are available: 1 node(s) had no available volume zone."


@pytest.mark.parametrize(
    ("present", "wanted", "expected"),
    [
        ([], ["a"], False),
        (["a"], ["b"], False),
        (["a", "b"], ["c"], True),
        (["a", "b"], ["b"], False),  # attached already
        ([], ["a", "b", "c"], True),
    ],
)
def test_limits(present: list[str], wanted: list[str], expected: bool) -> None:
    volumes = [[("disk", name) for name in names] for names in (present, wanted)]
    assert exceeds({"disk": 2}, *volumes) is expected
    assert not exceeds({"other": 0}, *volumes)


async def test_a_driver_attaches_only_so_many_volumes(client: FakeClient, informers: Informers) -> None:
    plugin = NodeVolumeLimits(informers)
    driver = {"name": "disk", "nodeID": "n1", "allocatable": {"count": 2}}
    client.add(CSI_NODES, {"metadata": {"name": "n1"}, "spec": {"drivers": [driver]}})
    client.add(STORAGE_CLASSES, {"metadata": {"name": "fast"}, "provisioner": "disk"})
    for name in ("a", "b", "x"):
        client.add(PERSISTENT_VOLUMES, volume(f"v-{name}", csi={"driver": "disk", "volumeHandle": name}))
        client.add(PERSISTENT_VOLUME_CLAIMS, claim(name, f"v-{name}"))
    client.add(PERSISTENT_VOLUME_CLAIMS, claim("new", storage_class="fast"))
    n1, n2 = node("n1"), node("n2")
    n1.add(pod("p1", "a"))
    await until(lambda: verdict(plugin, pod("p", "b", "new"), n1, n2)[0] == ["n2"])
    assert verdict(plugin, pod("p", "b"), n1)[0] == ["n1"]
    assert verdict(plugin, pod("p", "a", "new"), n1)[0] == ["n1"]  # one of them is there already
    attached = {"attacher": "disk", "nodeName": "n1", "source": {"persistentVolumeName": "v-x"}}
    client.add(VOLUME_ATTACHMENTS, {"metadata": {"name": "x"}, "spec": attached})
    message = "0/1 nodes are available: 1 node(s) exceed max volume count."
    await until(lambda: verdict(plugin, pod("p", "b"), n1) == ([], message))


async def test_in_tree_volumes_count_for_the_driver_that_took_over(client: FakeClient, informers: Informers) -> None:
    plugin = NodeVolumeLimits(informers)
    for name, migrated in (("n1", "kubernetes.io/aws-ebs"), ("n2", "")):
        driver = {"name": "ebs.csi.aws.com", "nodeID": name, "allocatable": {"count": 1}}
        notes = {"storage.alpha.kubernetes.io/migrated-plugins": migrated}
        client.add(CSI_NODES, {"metadata": {"name": name, "annotations": notes}, "spec": {"drivers": [driver]}})
    client.add(STORAGE_CLASSES, {"metadata": {"name": "old"}, "provisioner": "kubernetes.io/aws-ebs"})
    client.add(PERSISTENT_VOLUMES, volume("v-a", awsElasticBlockStore={"volumeID": "aws://z/vol-1"}))
    client.add(PERSISTENT_VOLUMES, volume("v-b", csi={"driver": "ebs.csi.aws.com", "volumeHandle": "vol-2"}))
    for name in ("a", "b"):
        client.add(PERSISTENT_VOLUME_CLAIMS, claim(name, f"v-{name}"))
    client.add(PERSISTENT_VOLUME_CLAIMS, claim("new", storage_class="old"))
    n1, n2 = node("n1"), node("n2")
    for each in (n1, n2):
        each.add(pod(f"on-{each.name}", "a"))
    await until(lambda: verdict(plugin, pod("p", "b"), n1, n2)[0] == ["n2"])
    assert verdict(plugin, pod("p", "new"), n1, n2)[0] == ["n2"]
    inline = pod("p")
    inline.obj["spec"]["volumes"] = [{"name": "d", "awsElasticBlockStore": {"volumeID": "vol-1"}}]
    assert verdict(plugin, inline, n1)[0] == ["n1"]  # it is there already
    inline.obj["spec"]["volumes"] = [{"name": "d", "awsElasticBlockStore": {"volumeID": "vol-3"}}]
    assert verdict(plugin, inline, n1, n2)[0] == ["n2"]


def rbd(*monitors: str, **more: Any) -> Obj:
    return {"rbd": {"monitors": [*monitors], "image": "i", **more}}


@pytest.mark.parametrize(
    ("mine", "other", "expected"),
    [
        ({"gcePersistentDisk": {"pdName": "a"}}, {"gcePersistentDisk": {"pdName": "a"}}, True),
        ({"gcePersistentDisk": {"pdName": "a"}}, {"gcePersistentDisk": {"pdName": "b"}}, False),
        (
            {"gcePersistentDisk": {"pdName": "a", "readOnly": True}},
            {"gcePersistentDisk": {"pdName": "a", "readOnly": True}},
            False,
        ),
        (
            {"awsElasticBlockStore": {"volumeID": "a", "readOnly": True}},
            {"awsElasticBlockStore": {"volumeID": "a", "readOnly": True}},
            True,
        ),
        ({"iscsi": {"iqn": "a"}}, {"iscsi": {"iqn": "a", "readOnly": True}}, True),
        (rbd("m1", "m2"), rbd("m2"), True),
        (rbd("m1"), rbd("m2"), False),
        (rbd("m1", pool="rbd"), rbd("m1"), True),
        (rbd("m1", pool="p"), rbd("m1"), False),
        ({"gcePersistentDisk": {"pdName": "a"}}, {"iscsi": {"iqn": "a"}}, False),
    ],
)
def test_disks_are_attached_once(mine: Obj, other: Obj, expected: bool) -> None:
    assert conflict(mine, other) is expected


async def test_a_pod_goes_where_its_disk_is_not(informers: Informers) -> None:
    disk = {"name": "d", "gcePersistentDisk": {"pdName": "a"}}
    users = [pod("p1"), pod("p2")]
    for user in users:
        user.spec["volumes"] = [disk]
    n1, n2 = node("n1"), node("n2")
    n1.add(users[0])
    assert verdict(VolumeRestrictions(informers), users[1], n1, n2)[0] == ["n2"]
    message = "0/1 nodes are available: 1 node(s) had no available disk."
    assert verdict(VolumeRestrictions(informers), users[1], n1)[1] == message
