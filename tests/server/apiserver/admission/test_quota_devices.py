"""What ResourceClaims count: devices by class and as extended resources, but nothing twice."""

from typing import Any

import pytest

from minik.server.apiserver.admission.quota_devices import CLAIMS, PODS
from minik.server.apiserver.admission.quota_usage import usage

COUNT = {"count/resourceclaims.resource.k8s.io": "1"}
GOLD, SILVER = "gold.deviceclass.resource.k8s.io/devices", "silver.deviceclass.resource.k8s.io/devices"
AS_GOLD = "requests.deviceclass.resource.kubernetes.io/gold"
AS_SILVER = "requests.deviceclass.resource.kubernetes.io/silver"
GPU = "requests.example.com/gpu"


def exactly(device_class: str, **more: Any) -> dict[str, Any]:
    return {"exactly": {"deviceClassName": device_class, "allocationMode": "ExactCount", "count": 1, **more}}


def claim(named: Any, *requests: Any, name: str = "c", **metadata: Any) -> Any:
    made = named(name, spec={"devices": {"requests": list(requests)}})
    made["metadata"] |= metadata
    return made


def for_pod(name: str = "p", **changes: Any) -> dict[str, Any]:
    """Metadata of the claim that the scheduler makes for a Pod."""
    owner = {"apiVersion": "v1", "kind": "Pod", "name": name, "uid": f"uid-{name}", "controller": True}
    return {
        "annotations": {"resource.kubernetes.io/extended-resource-claim": "true"},
        "ownerReferences": [owner | changes],
    }


def pod(named: Any, status: Any = None, **requests: str) -> Any:
    names = {name.replace("__", "/").replace("_", "."): amount for name, amount in requests.items()}
    return named("p", spec={"containers": [{"name": "c", "resources": {"requests": names}}]}, status=status or {})


@pytest.fixture
def used(objects: Any, named: Any) -> Any:
    objects.add("deviceclasses", named("gold", "", spec={"extendedResourceName": "example.com/gpu"}))
    objects.add("deviceclasses", named("silver", "", spec={}))

    def amounts(obj: Any) -> dict[str, str]:
        return {item: str(amount) for item, amount in usage(CLAIMS, obj, objects).items()}

    return amounts


def test_devices_count_by_class_and_as_extended_resources(named: Any, used: Any) -> None:
    alternatives = {"firstAvailable": [exactly("gold", count=2)["exactly"], exactly("silver", count=3)["exactly"]]}
    assert used(claim(named, exactly("gold"), exactly("gold"))) == COUNT | {GOLD: "2", AS_GOLD: "2", GPU: "2"}
    assert used(claim(named, exactly("silver", allocationMode="All"))) == COUNT | {SILVER: "32", AS_SILVER: "32"}
    assert used(claim(named, exactly("gold"), alternatives)) == COUNT | {
        **{GOLD: "3", AS_GOLD: "3", GPU: "3"},
        **{SILVER: "3", AS_SILVER: "3"},
    }


@pytest.mark.parametrize(
    ("asked", "left"),
    [
        ({"example_com__gpu": "2"}, {AS_GOLD: "2"}),
        ({"deviceclass_resource_kubernetes_io__gold": "2"}, {GPU: "2"}),
        ({"example_com__gpu": "1"}, {AS_GOLD: "2", GPU: "1"}),
        ({"cpu": "1"}, {AS_GOLD: "2", GPU: "2"}),
    ],
)
def test_what_the_pod_counts_its_claim_does_not(objects: Any, named: Any, used: Any, asked: Any, left: Any) -> None:
    objects.add("pods", pod(named, **asked))
    assert used(claim(named, exactly("gold", count=2), **for_pod())) == COUNT | {GOLD: "2", **left}


@pytest.mark.parametrize(
    ("metadata", "status"),
    [
        ({}, {}),
        (for_pod(uid="another"), {}),
        (for_pod("gone"), {}),
        (for_pod(kind="Job"), {}),
        (for_pod(controller=False), {}),
        (for_pod(), {"extendedResourceClaimStatus": {"resourceClaimName": "another"}}),
    ],
)
def test_other_claims_count_in_full(objects: Any, named: Any, used: Any, metadata: Any, status: Any) -> None:
    objects.add(PODS.resource, pod(named, status, example_com__gpu="1"))
    assert used(claim(named, exactly("gold"), **metadata)) == COUNT | {GOLD: "1", AS_GOLD: "1", GPU: "1"}


def test_only_the_first_claim_of_a_pod_is_its_own(objects: Any, named: Any, used: Any) -> None:
    objects.add("pods", pod(named, example_com__gpu="1"))
    first, second = (
        objects.add("resourceclaims", claim(named, exactly("gold"), name=name, creationTimestamp=at, **for_pod()))
        for name, at in (("b", "2026-01-01T00:00:00Z"), ("a", "2026-01-01T00:00:01Z"))
    )
    assert used(first) == COUNT | {GOLD: "1", AS_GOLD: "1"}
    assert used(second) == COUNT | {GOLD: "1", AS_GOLD: "1", GPU: "1"}
    assert used(claim(named, exactly("gold"), name="0", **for_pod())) == COUNT | {GOLD: "1", AS_GOLD: "1", GPU: "1"}
