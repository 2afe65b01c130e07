"""ResourceClaims of Pods, and Pods on devices that are tainted."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fake_client import until

from minik.api.types import GVR
from minik.client.resources import PODS, RESOURCE_CLAIM_TEMPLATES, RESOURCE_CLAIMS, RESOURCE_SLICES
from minik.server.controllers import device_taints_plan as taints
from minik.server.controllers import resource_claims_plan as plan
from minik.server.controllers.device_taint_eviction import RULE_PERIOD, DeviceTaintEvictionController
from minik.server.controllers.on_demand import device_controllers
from minik.server.controllers.resource_claims import ResourceClaimController

Obj = dict[str, Any]
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
RULES = GVR("resource.k8s.io", "v1beta2", "devicetaintrules")
DEVICE = ("d.example.com", "pool", "gpu-0")


def pod(name: str = "p", *, claims: Any = ({"name": "gpu", "resourceClaimTemplateName": "t"},), **status: Any) -> Obj:
    return {
        "metadata": {"name": name, "namespace": "ns", "uid": f"uid-{name}"},
        "spec": {"resourceClaims": list(claims)},
        "status": {"phase": "Pending", **status},
    }


def claim(name: str = "c", *users: str, allocated: bool = True, **metadata: Any) -> Obj:
    result = {"request": "r", "driver": DEVICE[0], "pool": DEVICE[1], "device": DEVICE[2]}
    status: Obj = {"allocation": {"devices": {"results": [result]}}} if allocated else {}
    if users:
        status["reservedFor"] = [{"resource": "pods", "name": user, "uid": f"uid-{user}"} for user in users]
    return {
        "metadata": {"name": name, "namespace": "ns", "uid": "u", "finalizers": [plan.FINALIZER], **metadata},
        "spec": {},
        "status": status,
    }


@pytest.mark.parametrize(
    ("name", "entry", "expected"),
    [
        ("pod", "gpu", "pod-gpu-"),
        ("p" * 60, "gpu", "p" * 52 + "-" + "gp"),
        ("p" * 30, "g" * 30, "p" * 27 + "-" + "g" * 27),
    ],
)
def test_generated_names_keep_both_parts(name, entry, expected):
    assert plan.base_name(name, entry) == expected
    assert len(plan.base_name(name, entry)) <= 58


@pytest.mark.parametrize(
    ("obj", "valid", "allocated", "reserved", "free"),
    [
        (claim("c", "a", "b"), ["a"], True, 1, False),
        (claim("c", "a"), [], False, 0, True),
        (claim("c", "a", finalizers=[]), [], True, 0, False),
        (claim("c", deletionTimestamp="x"), [], False, 0, True),
    ],
)
def test_the_last_consumer_takes_the_allocation_along(obj, valid, allocated, reserved, free):
    kept = [consumer for consumer in plan.consumers(obj) if consumer["name"] in valid]
    found = plan.clean_up(obj, kept)
    assert found.status is not None
    status = found.status["status"]
    assert ("allocation" in status, len(status.get("reservedFor", ())), found.free) == (allocated, reserved, free)


@pytest.mark.parametrize(
    ("obj", "valid"), [(claim("c", "a"), ["a"]), (claim("c"), []), (claim("c", "a", deletionTimestamp="x"), ["a"])]
)
def test_claims_in_use_stay_as_they_are(obj, valid):
    kept = [consumer for consumer in plan.consumers(obj) if consumer["name"] in valid]
    assert plan.clean_up(obj, kept) == plan.Cleanup()


async def test_a_pod_gets_its_claim_and_gives_it_up(cluster: Any) -> None:
    client = cluster.client
    demand = cluster.start(device_controllers)
    template = {"metadata": {"name": "t", "namespace": "ns"}, "spec": {"metadata": {"labels": {"a": "b"}}, "spec": {}}}
    client.add(PODS, pod())
    await until(lambda: demand.controllers)
    await until(lambda: "FailedResourceClaimCreation" in cluster.reasons())
    client.add(RESOURCE_CLAIM_TEMPLATES, template)
    client.change(PODS, "p", "ns", {"metadata": {"labels": {"wake": "up"}}})
    await until(lambda: client.find(PODS, "p", "ns")["status"].get("resourceClaimStatuses"))
    (made,) = client.all(RESOURCE_CLAIMS)
    name = made["metadata"]["name"]
    assert made["metadata"]["generateName"] == "p-gpu-"
    assert made["metadata"]["labels"] == {"a": "b"}
    assert made["metadata"]["annotations"] == {plan.POD_CLAIM: "gpu"}
    (status,) = client.find(PODS, "p", "ns")["status"]["resourceClaimStatuses"]
    assert status == {"name": "gpu", "resourceClaimName": name}
    taken = {"metadata": {"finalizers": [plan.FINALIZER]}, "status": claim("c", "p")["status"]}
    client.change(RESOURCE_CLAIMS, name, "ns", taken)
    client.change(PODS, "p", "ns", {"status": {"phase": "Succeeded"}})
    await until(lambda: not client.all(RESOURCE_CLAIMS))


async def test_a_pod_that_was_bound_by_hand_holds_its_claim(cluster: Any) -> None:
    cluster.client.add(RESOURCE_CLAIMS, claim())
    bound = pod(claims=[{"name": "gpu", "resourceClaimName": "c"}])
    bound["spec"]["nodeName"] = "n1"
    cluster.client.add(PODS, bound)
    cluster.start(ResourceClaimController)
    await until(lambda: plan.consumers(cluster.client.find(RESOURCE_CLAIMS, "c", "ns")))
    cluster.client.remove(PODS, "p", "ns")
    await until(lambda: "allocation" not in cluster.client.find(RESOURCE_CLAIMS, "c", "ns")["status"])
    await until(lambda: not cluster.client.find(RESOURCE_CLAIMS, "c", "ns")["metadata"]["finalizers"])


def taint(seconds_ago: int = 0) -> Obj:
    added = (NOW - timedelta(seconds=seconds_ago)).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {"key": "broken", "effect": "NoExecute", "timeAdded": added}


def device_slice(*found: Obj, generation: int = 1, name: str = "s") -> Obj:
    pool = {"name": DEVICE[1], "generation": generation}
    devices = [{"name": DEVICE[2], "taints": list(found)}]
    return {"metadata": {"name": name}, "spec": {"driver": DEVICE[0], "pool": pool, "devices": devices}}


@pytest.mark.parametrize(
    ("tolerations", "expected"),
    [
        ([], 0),
        ([{"key": "other", "operator": "Exists"}], 0),
        ([{"operator": "Exists"}], None),
        ([{"operator": "Exists", "effect": "NoSchedule"}], 0),
        ([{"key": "broken", "operator": "Exists", "tolerationSeconds": 60}], 60),
        ([{"key": "broken", "operator": "Exists", "tolerationSeconds": -5}], 0),
        ([{"operator": "Exists", "tolerationSeconds": 60}, {"operator": "Exists", "tolerationSeconds": 0}], 0),
        ([{"operator": "Exists", "tolerationSeconds": 60}, {"operator": "Exists"}], None),
    ],
)
def test_pods_stay_on_tainted_devices_as_long_as_they_tolerate(tolerations, expected):
    tainted = claim("c", "p")
    tainted["status"]["allocation"]["devices"]["results"][0]["tolerations"] = tolerations
    when = taints.eviction_time(tainted, lambda device: [taint()], NOW)
    assert (when - NOW).total_seconds() == expected if expected is not None else when is None


def test_only_the_newest_slices_of_a_pool_count():
    slices = [device_slice(taint()), device_slice(generation=2, name="t")]
    assert taints.slice_taints(slices[:1], DEVICE) == [taint()]
    assert taints.slice_taints(slices, DEVICE) == []


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        (None, False),
        ({}, True),
        ({"driver": "d.example.com"}, True),
        ({"driver": "x"}, False),
        ({"driver": "d.example.com", "pool": "pool", "device": "gpu-1"}, False),
    ],
)
def test_rules_select_devices(selector, expected):
    spec = {"taint": taint()} | ({} if selector is None else {"deviceSelector": selector})
    assert taints.selects({"spec": spec}, DEVICE) is expected


@pytest.mark.parametrize(
    ("effect", "reach", "expected"),
    [
        ("NoExecute", taints.Reach(), ("False", "NotStarted", "")),
        (
            "NoExecute",
            taints.Reach(pending=[pod("a"), pod("b")]),
            ("True", "PodsPendingEviction", "2 pods need to be evicted in 1 namespace."),
        ),
        (
            "NoExecute",
            taints.Reach(evicted=1),
            ("False", "Completed", "1 pod evicted since starting the controller."),
        ),
        ("NoSchedule", taints.Reach(), ("False", "OtherEffect", "Eviction only happens for the NoExecute effect.")),
        (
            "None",
            taints.Reach(pending=[pod("a")], published=2, allocated=1),
            (
                "False",
                "NoEffect",
                "2 published devices selected. 1 allocated device selected. 1 pod would be evicted in 1 namespace if "
                "the effect was NoExecute. This information will not be updated again. Recreate the DeviceTaintRule "
                "to trigger an update.",
            ),
        ),
    ],
)
def test_rules_say_what_they_do(effect, reach, expected):
    rule = {"metadata": {"name": "r", "generation": 1}, "spec": {"taint": taint() | {"effect": effect}}}
    condition = taints.rule_condition(rule, reach)
    assert (condition["status"], condition["reason"], condition["message"]) == expected


async def test_a_tainted_device_loses_its_pods(cluster: Any) -> None:
    client = cluster.client
    client.add(PODS, pod(claims=[{"name": "gpu", "resourceClaimName": "c"}], phase="Running"))
    client.add(RESOURCE_CLAIMS, claim("c", "p"))
    client.add(RESOURCE_SLICES, device_slice())
    cluster.start(DeviceTaintEvictionController)
    await until(lambda: len(cluster.informers.of(RESOURCE_SLICES)))
    tainted = device_slice(taint())
    client.change(RESOURCE_SLICES, "s", "", {"spec": tainted["spec"]})
    await until(lambda: client.find(PODS, "p", "ns") is None)
    await until(lambda: "DeviceTaintManagerEviction" in cluster.reasons())


async def test_a_rule_tells_how_far_its_eviction_is(cluster: Any) -> None:
    client = cluster.client
    cluster.serve(RULES, "DeviceTaintRule", namespaced=False)
    client.add(PODS, pod(claims=[{"name": "gpu", "resourceClaimName": "c"}], phase="Running"))
    patient = claim("c", "p")
    results = patient["status"]["allocation"]["devices"]["results"]
    results[0]["tolerations"] = [{"operator": "Exists", "tolerationSeconds": 60}]
    client.add(RESOURCE_CLAIMS, patient)
    rule = {"metadata": {"name": "r", "generation": 1}, "spec": {"deviceSelector": {}, "taint": taint()}}
    client.add(RULES, rule)
    cluster.start(DeviceTaintEvictionController)

    def reason() -> str:
        conditions = (client.find(RULES, "r").get("status") or {}).get("conditions") or [{"reason": ""}]
        return str(conditions[0]["reason"])

    await until(lambda: reason() == "PodsPendingEviction")
    cluster.clock.advance(61)
    await until(lambda: client.find(PODS, "p", "ns") is None)
    cluster.clock.advance(2 * RULE_PERIOD)
    await until(lambda: reason() == "Completed")
