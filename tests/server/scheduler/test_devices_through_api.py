"""Devices for claims, through the API: waiting for claims, taints and rules, alternatives, shares and partitions."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from harness.api_server import ApiServer
from harness.cluster import MINIK, eventually
from harness.scheduling import Ground, pod

Obj = dict[str, Any]

NODES = ("fake-0000", "fake-0001", "fake-0002")
FIRST, SECOND, THIRD = NODES
DRIVER = "gpu.example.com"
NOT_ENOUGH = "cannot allocate all claims"


@pytest.fixture(autouse=True)
def device_class(ground: Ground) -> Iterator[None]:
    selector = {"cel": {"expression": f"device.driver == '{DRIVER}'"}}
    with ground.leaving(
        {
            "apiVersion": "resource.k8s.io/v1",
            "kind": "DeviceClass",
            "metadata": {"name": "gpu"},
            "spec": {"selectors": [selector]},
        }
    ):
        yield
        ground.delete("Pod", *(each["metadata"]["name"] for each in ground.pods()))


def devices(node: str, *found: Obj, name: str = "", **spec: Any) -> Obj:
    pool = {"name": node, "generation": 1, "resourceSliceCount": spec.pop("slices", 1)}
    if found:
        spec["devices"] = [*found]
    return {
        "apiVersion": "resource.k8s.io/v1",
        "kind": "ResourceSlice",
        "metadata": {"name": name or f"gpus-{node}"},
        "spec": {"driver": DRIVER, "nodeName": node, "pool": pool, **spec},
    }


def of_model(name: str, model: str, **fields: Any) -> Obj:
    return {"name": name, "attributes": {"model": {"string": model}}, **fields}


def wanting(model: str) -> Sequence[Obj]:
    return [{"cel": {"expression": f'device.attributes["{DRIVER}"].model == "{model}"'}}]


def claim(name: str, *requests: Obj, **exactly: Any) -> Obj:
    asked = requests or ({"name": "r", "exactly": {"deviceClassName": "gpu", **exactly}},)
    return {
        "apiVersion": "resource.k8s.io/v1",
        "kind": "ResourceClaim",
        "metadata": {"name": name},
        "spec": {"devices": {"requests": [*asked]}},
    }


def using(name: str, *claims: str) -> Obj:
    return pod(name, resourceClaims=[{"name": each, "resourceClaimName": each} for each in claims])


def with_claim(ground: Ground, name: str, **exactly: Any) -> None:
    """A Pod and a claim of the same name."""
    ground.create(claim(name, **exactly), using(name, name))


def got(ground: Ground, name: str) -> Sequence[str]:
    """The devices of a claim."""
    allocation = ground.get("ResourceClaim", name)["status"]["allocation"]
    return [result["device"] for result in allocation["devices"]["results"]]


def test_a_pod_is_gated_until_its_claims_are_there(fake_cluster: ApiServer, ground: Ground) -> None:
    with ground.leaving(devices(FIRST, {"name": "a"})):
        ground.create(using("waiting", "late"))

        def queue() -> Obj:
            text = fake_cluster.run(str(MINIK), "why", "pod/waiting", "-n", ground.namespace, "-o", "json").stdout
            found: Obj = json.loads(text)["queue"]
            return found

        expected = {"state": "gated", "gatedBy": ['resourceclaim "late" not found']}
        assert eventually(lambda: (found := queue()) == expected and found)
        ground.create(claim("late"))
        assert ground.node_of("waiting") == FIRST
        assert got(ground, "late") == ["a"]


def test_a_device_that_is_given_back_wakes_who_waits_for_one(ground: Ground) -> None:
    with ground.leaving(devices(FIRST, {"name": "a"})):
        with_claim(ground, "one")
        assert ground.node_of("one") == FIRST
        with_claim(ground, "two")
        assert f"3 {NOT_ENOUGH}" in ground.refusal("two")
        ground.delete("Pod", "one")
        assert ground.node_of("two") == FIRST
        with_claim(ground, "three")
        ground.refusal("three")
        with ground.leaving(devices(SECOND, {"name": "b"})):
            assert ground.node_of("three") == SECOND, "a new slice"
            ground.delete("Pod", "three")


@pytest.mark.parametrize("effect", ["NoSchedule", "NoExecute"])
def test_tainted_devices_are_for_requests_that_tolerate_them(ground: Ground, effect: str) -> None:
    taint = {"key": "example.com/broken", "effect": effect}
    tainted = devices(FIRST, {"name": "a", "taints": [taint]})
    with ground.leaving(tainted):
        with_claim(ground, "careful")
        assert NOT_ENOUGH in ground.refusal("careful")
        with_claim(ground, "daring", tolerations=[{"key": "example.com/broken", "operator": "Exists"}])
        assert ground.node_of("daring") == FIRST
        ground.delete("Pod", "daring")
        healthy = ground.get("ResourceSlice", f"gpus-{FIRST}")
        healthy["spec"]["devices"] = [{"name": "a"}]
        ground.update(healthy)
        assert ground.node_of("careful") == FIRST


def test_a_rule_taints_devices_while_it_is_there(ground: Ground) -> None:
    rule = {
        "apiVersion": "resource.k8s.io/v1beta2",
        "kind": "DeviceTaintRule",
        "metadata": {"name": "maintenance"},
        "spec": {
            "deviceSelector": {"driver": DRIVER, "pool": FIRST},
            "taint": {"key": "example.com/maintenance", "effect": "NoSchedule"},
        },
    }
    with ground.leaving(devices(FIRST, {"name": "a"}), devices(SECOND, {"name": "b"})):
        with ground.leaving(rule):
            with_claim(ground, "one")
            assert ground.node_of("one") == SECOND
            with_claim(ground, "two")
            assert NOT_ENOUGH in ground.refusal("two")
        assert ground.node_of("two") == FIRST, "the rule went"


@pytest.mark.parametrize("attempt", range(2))
def test_the_first_alternative_that_is_available_wins_over_all_nodes(ground: Ground, attempt: int) -> None:
    alternatives = [
        {"name": model, "deviceClassName": "gpu", "selectors": wanting(model)} for model in ("large", "middle", "small")
    ]
    request = {"name": "r", "firstAvailable": alternatives}
    with ground.leaving(
        devices(FIRST, of_model("a", "small")),
        devices(SECOND, of_model("b", "large")),
        devices(THIRD, of_model("c", "middle")),
    ):
        for name, node, device in (("one", SECOND, "b"), ("two", THIRD, "c"), ("three", FIRST, "a")):
            ground.create(claim(name, request), using(name, name))
            assert ground.node_of(name) == node
            assert got(ground, name) == [device]
        results = ground.get("ResourceClaim", "two")["status"]["allocation"]["devices"]["results"]
        assert results[0]["request"] == "r/middle"


def test_administrators_look_at_devices_that_are_in_use(ground: Ground) -> None:
    with ground.leaving(devices(FIRST, {"name": "a"})):
        with_claim(ground, "user")
        assert ground.node_of("user") == FIRST
        label = {"resource.kubernetes.io/admin-access": "true"}
        ground.patch("Namespace", ground.namespace, {"metadata": {"labels": label}})
        eventually(lambda: ground.create(claim("admin", adminAccess=True)), every=0.03)
        ground.create(using("admin", "admin"))
        assert ground.node_of("admin") == FIRST
        result = ground.get("ResourceClaim", "admin")["status"]["allocation"]["devices"]["results"][0]
        assert (result["device"], result["adminAccess"]) == ("a", True)


def test_partitions_share_the_counters_of_their_device(ground: Ground) -> None:
    def partition(name: str, memory: str) -> Obj:
        consumed = {"counterSet": "card", "counters": {"memory": {"value": memory}}}
        return of_model(name, memory, consumesCounters=[consumed])

    counters = [{"name": "card", "counters": {"memory": {"value": "40Gi"}}}]
    with ground.leaving(
        devices(FIRST, name="counters", slices=2, sharedCounters=counters),
        devices(FIRST, partition("whole", "40Gi"), partition("half", "20Gi"), partition("rest", "20Gi"), slices=2),
    ):
        with_claim(ground, "first", selectors=wanting("20Gi"))
        assert ground.node_of("first") == FIRST
        with_claim(ground, "all", selectors=wanting("40Gi"))
        assert NOT_ENOUGH in ground.refusal("all")
        with_claim(ground, "second", selectors=wanting("20Gi"))
        assert ground.node_of("second") == FIRST
        ground.delete("Pod", "first", "second")
        assert ground.node_of("all") == FIRST, "both halves are free"


def test_claims_share_a_device_by_capacity(ground: Ground) -> None:
    policy = {"default": "1Gi", "validRange": {"min": "1Gi", "step": "1Gi"}}
    shared = {"name": "a", "allowMultipleAllocations": True}
    shared["capacity"] = {"memory": {"value": "10Gi", "requestPolicy": policy}}
    with ground.leaving(devices(FIRST, shared)):
        for name, amount in (("one", "6Gi"), ("two", "3500Mi")):
            with_claim(ground, name, capacity={"requests": {"memory": amount}})
            assert ground.node_of(name) == FIRST
        results = ground.get("ResourceClaim", "two")["status"]["allocation"]["devices"]["results"]
        assert results[0]["consumedCapacity"] == {"memory": "4Gi"}, "rounded up to a step"
        assert results[0]["shareID"]
        with_claim(ground, "three")
        assert NOT_ENOUGH in ground.refusal("three")
        ground.delete("Pod", "two")
        assert ground.node_of("three") == FIRST
