"""CSI volumes follow the Pods that use them from node to node."""

from typing import Any

import pytest
from fake_client import until

from minik.client.resources import (
    NODES,
    PERSISTENT_VOLUME_CLAIMS,
    PERSISTENT_VOLUMES,
    PODS,
    VOLUME_ATTACHMENTS,
)
from minik.server.controllers import attach_detach_plan as plan
from minik.server.controllers.attach_detach_plan import Host
from minik.server.controllers.on_demand import attach_detach_controller

Obj = dict[str, Any]
NAME = "kubernetes.io/csi/d.example.com^h"


def volume(mode: str = "ReadWriteOnce") -> Obj:
    csi = {"driver": "d.example.com", "volumeHandle": "h"}
    reference = {"namespace": "ns", "name": "c"}
    return {"metadata": {"name": "v"}, "spec": {"accessModes": [mode], "csi": csi, "claimRef": reference}}


def pod(name: str, node: str = "n1", namespace: str = "ns") -> Obj:
    return {
        "metadata": {"name": name, "namespace": namespace, "uid": f"uid-{name}"},
        "spec": {"nodeName": node, "volumes": [{"name": "d", "persistentVolumeClaim": {"claimName": "c"}}]},
        "status": {"phase": "Running"},
    }


def attachment(node: str, *, attached: bool = True, **metadata: Any) -> Obj:
    made = plan.attachment(volume(), node)
    made["metadata"] |= {"uid": f"uid-{node}", **metadata}
    return {**made, "status": {"attached": attached}}


def node(name: str = "n1", in_use: bool = False) -> Obj:
    return {
        "metadata": {"name": name, "uid": name, "annotations": {plan.MANAGED: "true"}},
        "spec": {},
        "status": {
            "volumesInUse": [NAME] if in_use else [],
            "conditions": [{"type": "Ready", "status": "True"}],
        },
    }


HERE = Host(present=True)


@pytest.mark.parametrize(
    ("mode", "users", "attachments", "hosts", "asked", "expected"),
    [
        # (attach, detach, refused, wait)
        ("ReadWriteOnce", {"a": 1}, {}, {"a": HERE}, {}, (["a"], [], [], None)),
        ("ReadWriteOnce", {"a": 1}, {}, {}, {}, ([], [], [], None)),
        ("ReadWriteOnce", {"a": 1}, {}, {"a": Host(present=True, managed=False)}, {}, ([], [], [], None)),
        ("ReadWriteOnce", {"a": 1}, {"a": {}}, {"a": HERE}, {}, ([], [], [], None)),
        ("ReadWriteOnce", {"a": 1, "b": 1}, {"a": {}}, {"a": HERE, "b": HERE}, {}, ([], [], ["b"], None)),
        ("ReadWriteOnce", {"a": 1, "b": 1}, {}, {"a": HERE, "b": HERE}, {}, (["a"], [], ["b"], None)),
        ("ReadWriteMany", {"a": 1, "b": 1}, {"a": {}}, {"a": HERE, "b": HERE}, {}, (["b"], [], [], None)),
        # nobody uses it there any more
        ("ReadWriteOnce", {}, {"a": {}}, {"a": HERE}, {}, ([], ["a"], [], None)),
        ("ReadWriteOnce", {}, {"a": {}}, {"a": Host(present=True, in_use=True)}, {"a": 1000}, ([], [], [], None)),
        ("ReadWriteOnce", {}, {"a": {}}, {}, {}, ([], ["a"], [], None)),
        ("ReadWriteOnce", {}, {"a": {"deletionTimestamp": "x"}}, {"a": HERE}, {}, ([], [], [], None)),
        # the node cannot say that it let go
        (
            "ReadWriteOnce",
            {"b": 1},
            {"a": {}},
            {"a": Host(present=True, in_use=True, healthy=False), "b": HERE},
            {"a": 60.0},
            ([], [], ["b"], 300.0),
        ),
        (
            "ReadWriteOnce",
            {},
            {"a": {}},
            {"a": Host(present=True, in_use=True, healthy=False)},
            {"a": 360.0},
            ([], ["a"], [], None),
        ),
        (
            "ReadWriteOnce",
            {},
            {"a": {}},
            {"a": Host(present=True, in_use=True, healthy=False, out_of_service=True)},
            {},
            ([], ["a"], [], None),
        ),
    ],
)
def test_volumes_are_where_they_are_used(mode, users, attachments, hosts, asked, expected):
    using = {name: [pod("p", name)] for name in users}
    attached = {name: attachment(name, **metadata) for name, metadata in attachments.items()}
    found = plan.plan(volume(mode), using, attached, hosts, asked)
    assert (found.attach, found.detach, [*found.refused], found.wait) == expected


@pytest.mark.parametrize(
    ("holding", "expected"),
    [
        ([], "Volume is already exclusively attached to one node and can't be attached to another"),
        ([pod("a"), pod("b")], "Volume is already used by pod(s) a, b"),
        ([pod("a", namespace="x")], "Volume is already used by 1 pod(s) in different namespaces"),
        (
            [pod("a"), pod("b", namespace="x")],
            "Volume is already used by pod(s) a and 1 pod(s) in different namespaces",
        ),
    ],
)
def test_users_are_named(holding, expected):
    assert plan.multi_attach_message([pod("me")], holding) == expected


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, True),
        ({"spec": {}}, False),
        ({"status": {"phase": "Failed"}}, False),
        ({"metadata": {"deletionTimestamp": "x"}}, False),
        (
            {
                "metadata": {"deletionTimestamp": "x"},
                "status": {"phase": "Running", "containerStatuses": [{"state": {"running": {}}}]},
            },
            True,
        ),
    ],
)
def test_pods_hold_volumes_while_they_run(change, expected):
    assert plan.needs_volumes(pod("p") | change) is expected


async def test_a_volume_moves_with_its_pod(cluster: Any) -> None:
    client = cluster.client
    claim = {"metadata": {"name": "c", "namespace": "ns", "uid": "uid-c"}, "spec": {"volumeName": "v"}}
    client.add(PERSISTENT_VOLUME_CLAIMS, claim)
    demand = cluster.start(attach_detach_controller)
    for name in ("n1", "n2"):
        client.add(NODES, node(name))
    client.add(PODS, pod("p"))
    assert not demand.controllers
    client.add(PERSISTENT_VOLUMES, volume())
    name = plan.attachment_name(volume(), "n1")
    await until(lambda: client.find(VOLUME_ATTACHMENTS, name))
    client.change(VOLUME_ATTACHMENTS, name, "", {"metadata": {"uid": "1"}, "status": {"attached": True}})
    await until(lambda: client.find(NODES, "n1")["status"].get("volumesAttached") == [{"name": NAME, "devicePath": ""}])
    await until(lambda: "SuccessfulAttachVolume" in cluster.reasons())
    client.change(NODES, "n1", "", {"status": {"volumesInUse": [NAME]}})
    client.add(PODS, pod("q", "n2"))
    await until(lambda: "FailedAttachVolume" in cluster.reasons())
    client.remove(PODS, "p", "ns")
    client.change(NODES, "n1", "", {"status": {"volumesInUse": None}})
    await until(lambda: client.find(VOLUME_ATTACHMENTS, name) is None)
    assert not client.find(NODES, "n1")["status"].get("volumesAttached")
    await until(lambda: client.find(VOLUME_ATTACHMENTS, plan.attachment_name(volume(), "n2")))


async def test_what_the_driver_says_reaches_the_pod(cluster: Any) -> None:
    client = cluster.client
    client.add(
        PERSISTENT_VOLUME_CLAIMS,
        {"metadata": {"name": "c", "namespace": "ns", "uid": "u"}, "spec": {"volumeName": "v"}},
    )
    client.add(NODES, node("n1"))
    client.add(PODS, pod("p"))
    client.add(PERSISTENT_VOLUMES, volume())
    cluster.start(attach_detach_controller)
    name = plan.attachment_name(volume(), "n1")
    await until(lambda: client.find(VOLUME_ATTACHMENTS, name))
    error = {"attached": False, "attachError": {"message": "no such disk"}}
    client.change(VOLUME_ATTACHMENTS, name, "", {"status": error})
    await until(lambda: "FailedAttachVolume" in cluster.reasons())
