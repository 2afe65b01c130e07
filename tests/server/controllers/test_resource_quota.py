import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from fake_client import until

from minik.api.types import GVR
from minik.client.resources import CONFIG_MAPS, PODS, RESOURCE_QUOTAS
from minik.server.controllers.resource_quota import RECOUNT, ResourceQuotaController
from minik.server.controllers.resource_quota_plan import counted, new_status, same

Obj = dict[str, Any]


@pytest.mark.parametrize(
    ("item", "about"),
    [
        ("pods", [("", "pods")]),
        ("limits.cpu", [("", "pods")]),
        ("requests.nvidia.com/gpu", [("", "pods"), ("resource.k8s.io", "resourceclaims")]),
        ("requests.storage", [("", "persistentvolumeclaims")]),
        ("gold.storageclass.storage.k8s.io/requests.storage", [("", "persistentvolumeclaims")]),
        ("services.nodeports", [("", "services")]),
        ("secrets", [("", "secrets")]),
        ("count/deployments.apps", [("apps", "deployments")]),
        ("count/pods", [("", "pods")]),
        ("gold.deviceclass.resource.k8s.io/devices", [("resource.k8s.io", "resourceclaims")]),
        ("something", []),
    ],
)
def test_what_a_limit_is_about(item: str, about: list[tuple[str, str]]) -> None:
    assert list(counted(item)) == about


def quota(hard: Obj, **spec: object) -> Obj:
    return {"metadata": {"name": "q", "namespace": "ns"}, "spec": {"hard": hard, **spec}}


def pod(cpu: str, phase: str = "Running") -> Obj:
    container = {"name": "c", "resources": {"requests": {"cpu": cpu}}}
    return {
        "metadata": {"name": "p", "namespace": "ns"},
        "spec": {"containers": [container]},
        "status": {"phase": phase},
    }


def test_usage_adds_up_and_ended_pods_only_count_as_objects() -> None:
    limits = {"pods": "5", "count/pods": "5", "requests.cpu": "2", "other": "1"}
    status = new_status(quota(limits), {PODS: [pod("300m"), pod("700m"), pod("1", "Succeeded")]})
    assert status == {"hard": limits, "used": {"pods": "2", "count/pods": "3", "requests.cpu": "1"}}


def test_scopes_select_what_counts() -> None:
    limited = quota({"pods": "5"}, scopes=["BestEffort"])
    assert new_status(limited, {PODS: [pod("1"), pod("0")]})["used"] == {"pods": "1"}


def test_amounts_are_compared_by_value() -> None:
    assert same({"hard": {"cpu": "1"}, "used": {}}, {"hard": {"cpu": "1000m"}, "used": {}})
    assert not same({"hard": {"cpu": "1"}}, {"hard": {"cpu": "1"}, "used": {"cpu": "0"}})


async def test_recounts_when_a_pod_ends_or_goes(cluster: Any, make_pod: Callable[..., Obj]) -> None:
    def used() -> Obj:
        status: Obj = cluster.client.find(RESOURCE_QUOTAS, "q", "ns").get("status") or {}
        return status.get("used") or {}

    for resource, kind in ((PODS, "Pod"), (CONFIG_MAPS, "ConfigMap"), (GVR("", "v1", "secrets"), "Secret")):
        cluster.serve(resource, kind)
    for name in "abc":
        cluster.client.add(PODS, make_pod(name))
    cluster.client.add(RESOURCE_QUOTAS, quota({"pods": "9", "configmaps": "9"}))
    controller = cluster.start(ResourceQuotaController)
    await until(lambda: used() == {"pods": "3", "configmaps": "0"})
    await until(lambda: controller.reconciled and controller._counted_at)
    cluster.clock.advance(1)  # until then a recount would forget what admission has just counted
    cluster.client.change(PODS, "a", "ns", {"status": {"phase": "Succeeded"}})
    await until(lambda: used()["pods"] == "2")
    await until(lambda: controller._counted_at["ns/q"] == cluster.clock.monotonic())
    cluster.clock.advance(1)
    cluster.client.remove(PODS, "b", "ns")
    await until(lambda: used()["pods"] == "1")


async def test_finds_what_admission_counted_in_vain(cluster: Any) -> None:
    cluster.serve(PODS, "Pod")
    cluster.client.add(RESOURCE_QUOTAS, quota({"pods": "9"}))
    controller = cluster.start(ResourceQuotaController)
    await until(lambda: "status" in cluster.client.find(RESOURCE_QUOTAS, "q", "ns"))
    cluster.clock.advance(10)
    await until(lambda: controller.reconciled >= 2)
    cluster.client.change(RESOURCE_QUOTAS, "q", "ns", {"status": {"used": {"pods": "1"}}})
    await until(lambda: controller._quotas.get("q", "ns")["status"]["used"]["pods"] == "1")
    cluster.clock.advance(301)
    await until(lambda: cluster.client.find(RESOURCE_QUOTAS, "q", "ns")["status"]["used"]["pods"] == "0")


async def test_what_is_not_served_any_more_is_followed_no_longer(cluster: Any) -> None:
    things = GVR("example.com", "v1", "things")
    cluster.serve(things, "Thing")
    cluster.client.add(RESOURCE_QUOTAS, quota({"count/things.example.com": "9"}))
    controller = cluster.start(ResourceQuotaController)
    await until(lambda: cluster.informers.existing(things) is not None)
    await until(lambda: "ns/q" in controller._counted_at)
    cluster.resources.clear()
    cluster.clock.advance(RECOUNT)
    await until(lambda: cluster.informers.existing(things) is None)
    assert not any("things" in task.get_name() for task in asyncio.all_tasks())
    assert controller.failed == 0
