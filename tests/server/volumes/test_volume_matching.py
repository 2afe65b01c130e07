from typing import Any

import pytest

from minik.server.volumes.binding import with_claim, with_volume, without_claim
from minik.server.volumes.matching import find_best, why_not

Obj = dict[str, Any]


def volume(name: str, size: str = "1Gi", phase: str = "Available", **spec: object) -> Obj:
    return {
        "metadata": {"name": name, "labels": {"name": name}},
        "spec": {"capacity": {"storage": size}, "accessModes": ["ReadWriteOnce"], **spec},
        "status": {"phase": phase},
    }


def claim(size: str = "1Gi", **spec: object) -> Obj:
    return {
        "metadata": {"name": "c", "namespace": "ns", "uid": "u", "resourceVersion": "7"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": size}}, **spec},
    }


def on(*nodes: str) -> Obj:
    expression = {"key": "kubernetes.io/hostname", "operator": "In", "values": [*nodes]}
    return {"required": {"nodeSelectorTerms": [{"matchExpressions": [expression]}]}}


def node(name: str) -> Obj:
    return {"metadata": {"name": name, "labels": {"kubernetes.io/hostname": name}}}


MINE = {"namespace": "ns", "name": "c"}


@pytest.mark.parametrize(
    ("volumes", "wanted", "best"),
    [
        ([volume("a", "5Gi"), volume("b", "2Gi")], claim(), "b"),
        ([volume("a", "5Gi"), volume("b", "2Gi")], claim("3Gi"), "a"),
        ([volume("a", "5Gi")], claim("6Gi"), None),
        ([volume("a", accessModes=["ReadOnlyMany"])], claim(), None),
        ([volume("a", accessModes=["ReadWriteOnce", "ReadWriteMany"]), volume("b", "9Gi")], claim(), "b"),
        ([volume("a", storageClassName="fast")], claim(), None),
        ([volume("a", storageClassName="fast")], claim(storageClassName="fast"), "a"),
        ([volume("a", volumeMode="Block")], claim(), None),
        ([volume("a", phase="Released")], claim(), None),
        ([volume("a", claimRef={"namespace": "ns", "name": "other"})], claim(), None),
        ([volume("a"), volume("z", "9Gi", claimRef=MINE)], claim(), "z"),
        ([volume("a", claimRef={**MINE, "uid": "of another"})], claim(), None),
        ([volume("a"), volume("b")], claim(selector={"matchLabels": {"name": "b"}}), "b"),
    ],
)
def test_best_volume(volumes: list[Obj], wanted: Obj, best: str | None) -> None:
    found = find_best(volumes, wanted)
    assert (found and found["metadata"]["name"]) == best


def test_the_node_must_reach_the_volume() -> None:
    volumes = [volume("a", nodeAffinity=on("n1")), volume("b", "2Gi", nodeAffinity=on("n2"))]
    found = find_best(volumes, claim(), node=node("n2"))
    assert found is volumes[1]
    assert find_best(volumes, claim(), node=node("n3")) is None
    assert find_best(volumes, claim(), taken={"a", "b"}) is None
    assert find_best(volumes, claim(), reserved_only=True) is None


@pytest.mark.parametrize(
    ("named", "problem"),
    [
        (volume("a"), ""),
        (volume("a", "1Mi"), "requested PV is too small"),
        (volume("a", storageClassName="x"), "storageClassName does not match"),
        (volume("a", volumeMode="Block"), "incompatible volumeMode"),
        (volume("a", accessModes=[]), "incompatible accessMode"),
    ],
)
def test_why_a_named_volume_will_not_do(named: Obj, problem: str) -> None:
    assert why_not(named, claim()) == problem


def test_binding_and_letting_go() -> None:
    bound = with_claim(volume("a"), claim())
    assert bound is not None
    assert bound["spec"]["claimRef"]["uid"] == "u"
    assert with_claim(bound, claim()) is None
    assert without_claim(bound)["spec"].get("claimRef") is None
    reserved = with_claim(volume("a", claimRef=MINE), claim())
    assert reserved is not None
    assert "annotations" not in reserved["metadata"]
    assert without_claim(reserved)["spec"]["claimRef"]["name"] == "c"
    holder = with_volume(claim(), bound)
    assert holder is not None
    assert holder["spec"]["volumeName"] == "a"
    assert with_volume(holder, bound) is None
