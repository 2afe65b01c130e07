"""LimitRanges give Pods resources and bounds, as upstream's conformance tests walk it (e2e, limit_range.go)."""

from typing import Any

import pytest

from harness.api_server import ApiServer
from harness.cluster import eventually
from harness.scheduling import Ground, Refused, pod
from harness.scheduling import ground as new_ground

Obj = dict[str, Any]


def amounts(cpu: str = "", memory: str = "", storage: str = "") -> dict[str, str]:
    named = {"cpu": cpu, "memory": memory, "ephemeral-storage": storage}
    return {name: amount for name, amount in named.items() if amount}


LEAST, MOST = amounts("50m", "100Mi", "100Gi"), amounts("500m", "500Mi", "500Gi")
REQUESTED = amounts("100m", "200Mi", "200Gi")
LOWER = amounts("9m", "49Mi", "49Gi")


def limit_range(name: str, **labels: str) -> Obj:
    limits = {"type": "Container", "min": LEAST, "max": MOST, "default": MOST, "defaultRequest": REQUESTED}
    metadata = {"name": name, "labels": labels}
    return {"apiVersion": "v1", "kind": "LimitRange", "metadata": metadata, "spec": {"limits": [limits]}}


def with_resources(name: str, requests: Obj | None = None, limits: Obj | None = None) -> Obj:
    found = pod(name)
    found["spec"]["containers"][0]["resources"] = {"requests": requests or {}, "limits": limits or {}}
    return found


def test_defaults_are_applied_and_bounds_kept(ground: Ground) -> None:
    made = ground.create(limit_range("limit-range", time="now"))
    limits = made["spec"]["limits"][0]
    assert (limits["defaultRequest"], limits["default"]) == (REQUESTED, MOST)
    ground.create(with_resources("pod-no-resources"))
    found = ground.get("Pod", "pod-no-resources")["spec"]["containers"][0]["resources"]
    assert found == {"requests": REQUESTED, "limits": MOST}
    ground.create(with_resources("pod-partial", amounts("", "150Mi", "150Gi"), amounts("300m")))
    found = ground.get("Pod", "pod-partial")["spec"]["containers"][0]["resources"]
    assert found == {"requests": amounts("300m", "150Mi", "150Gi"), "limits": amounts("300m", "500Mi", "500Gi")}
    small, large = amounts("10m", "50Mi", "50Gi"), amounts("600m", "600Mi", "600Gi")
    with pytest.raises(Refused, match="minimum cpu usage per Container is 50m, but request is 10m"):
        ground.create(with_resources("pfpod", small))
    with pytest.raises(
        Refused, match=r"must be less than or equal to cpu limit|maximum cpu usage per Container is 500m"
    ):
        ground.create(with_resources("pfpod", large))
    made["spec"]["limits"][0]["min"] = LOWER
    assert ground.update(made)["spec"]["limits"][0]["min"] == LOWER
    eventually(lambda: ground.create(with_resources("pfpod", small)), every=0.03, what="the lower bound")
    with pytest.raises(Refused):
        ground.create(with_resources("pfpod1", large))
    ground.delete("LimitRange", "limit-range")
    eventually(lambda: ground.create(with_resources("pfpod2", large)), every=0.03, what="no bounds any more")


def test_they_are_listed_patched_and_deleted_by_collection(fake_cluster: ApiServer, ground: Ground) -> None:
    name = "e2e-limitrange"
    everywhere, mine = {"labelSelector": f"e2e-test={name}"}, {"labelSelector": f"{name}=patched"}
    one = limit_range(name, **{"e2e-test": name, name: "created"})
    with new_ground(fake_cluster) as other:
        ground.create(one)
        other.create(one)
        listed = ground.call("GET", "/api/v1/limitranges", query=everywhere)
        assert {each["metadata"]["namespace"] for each in listed["items"]} == {ground.namespace, other.namespace}
        limits = {**one["spec"]["limits"][0], "min": LOWER}
        patch = {"metadata": {"labels": {name: "patched"}}, "spec": {"limits": [limits]}}
        patched = ground.patch("LimitRange", name, patch)
        assert patched["metadata"]["labels"] == {"e2e-test": name, name: "patched"}
        assert patched["spec"]["limits"][0]["min"] == LOWER
        ground.call("DELETE", ground.path("LimitRange"), query=mine)
        assert ground.call("GET", "/api/v1/limitranges", query=mine)["items"] == []
        left = ground.call("GET", "/api/v1/limitranges", query=everywhere)["items"]
        assert [each["metadata"]["namespace"] for each in left] == [other.namespace]
