from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fake_client import until

from minik.api.types import GVR
from minik.client.resources import DEPLOYMENTS, HORIZONTAL_POD_AUTOSCALERS, PODS
from minik.server.controllers.autoscaler_limits import History, Moment, limited
from minik.server.controllers.autoscaler_replicas import (
    MetricError,
    PodMetric,
    Tolerances,
    by_average,
    by_share,
    by_total,
    by_utilization,
)
from minik.server.controllers.horizontal_pod_autoscaler import HorizontalPodAutoscalerController

Obj = dict[str, Any]
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def pod(name: str, *, phase: str = "Running", ready: str = "True", age: int = 3600, request: str = "1") -> Obj:
    started = (NOW - timedelta(seconds=age)).strftime("%Y-%m-%dT%H:%M:%SZ")
    condition = {"type": "Ready", "status": ready, "lastTransitionTime": started}
    resources = {"requests": {"cpu": request}} if request else {}
    return {
        "metadata": {"name": name, "namespace": "ns", "labels": {"app": "web"}},
        "spec": {"containers": [{"name": "c", "resources": resources}]},
        "status": {"phase": phase, "startTime": started, "conditions": [condition]},
    }


def used(**milli: int) -> dict[str, PodMetric]:
    return {name: PodMetric(value, NOW) for name, value in milli.items()}


@pytest.mark.parametrize(
    ("pods", "metrics", "current", "wanted"),
    [
        ([pod("a"), pod("b")], used(a=800, b=800), 2, 4),  # 80 % of 40 %
        ([pod("a"), pod("b")], used(a=200, b=200), 2, 1),
        ([pod("a"), pod("b")], used(a=420, b=420), 2, 2),  # within tolerance
        ([pod("a"), pod("b", phase="Pending")], used(a=800), 2, 2),  # the pending one will take its share
        ([pod("a"), pod("b"), pod("c")], used(a=200, b=200), 3, 3),  # the missing one counts as busy
        ([pod("a"), pod("b", phase="Failed")], used(a=800), 1, 2),
        ([pod("a"), pod("b", age=10, ready="False")], used(a=400, b=900), 2, 2),  # starting up
    ],
)
def test_replicas_by_utilization(pods: list[Obj], metrics: dict[str, PodMetric], current: int, wanted: int) -> None:
    assert by_utilization(current, 40, "cpu", "", pods, metrics, Tolerances(), NOW).replicas == wanted


def test_utilization_needs_requests_and_metrics() -> None:
    with pytest.raises(MetricError, match="missing request for cpu in container c of Pod a"):
        by_utilization(1, 40, "cpu", "", [pod("a", request="")], used(a=1), Tolerances(), NOW)
    with pytest.raises(MetricError, match="did not receive metrics for targeted pods"):
        by_utilization(1, 40, "cpu", "", [pod("a", phase="Pending")], used(a=1), Tolerances(), NOW)


def test_requests_of_the_whole_pod_come_before_those_of_containers() -> None:
    whole = pod("a", request="")
    whole["spec"]["resources"] = {"requests": {"cpu": "2"}}
    assert by_utilization(1, 50, "cpu", "", [whole], used(a=2000), Tolerances(), NOW).utilization == 100
    with pytest.raises(MetricError, match="missing pod-level request for memory in Pod a"):
        by_utilization(1, 50, "memory", "", [whole], used(a=1), Tolerances(), NOW)
    with pytest.raises(MetricError, match="container x not found in Pod a"):
        by_utilization(1, 50, "cpu", "x", [whole], used(a=1), Tolerances(), NOW)


def test_other_targets() -> None:
    with pytest.raises(MetricError, match="unable to calculate ready pods: no pods returned by selector"):
        by_total(2, 500, 100, [], Tolerances())
    assert by_average(2, 100, "", [pod("a"), pod("b")], used(a=300, b=100), Tolerances(), NOW).replicas == 4
    assert by_total(2, 500, 100, [pod("a"), pod("b")], Tolerances()).replicas == 10
    assert by_total(0, 100, 100, [], Tolerances()).replicas == 1
    assert by_share(2, 500, 100, 2, Tolerances()).replicas == 5


RULES: Obj = {
    "scaleUp": {"selectPolicy": "Max", "policies": [{"type": "Pods", "value": 2, "periodSeconds": 60}]},
    "scaleDown": {"selectPolicy": "Max", "policies": [{"type": "Percent", "value": 50, "periodSeconds": 60}]},
}
CALM = {**RULES, "scaleUp": {**RULES["scaleUp"], "stabilizationWindowSeconds": 100}}
FIXED = {**RULES, "scaleDown": {"selectPolicy": "Disabled", "stabilizationWindowSeconds": 0}}
QUICK = {**RULES, "scaleDown": {**RULES["scaleDown"], "stabilizationWindowSeconds": 0}}


@pytest.mark.parametrize(
    ("wanted", "current", "behavior", "history", "replicas", "reason"),
    [
        (5, 3, None, History(), 5, "DesiredWithinRange"),
        (20, 3, None, History(), 6, "ScaleUpLimit"),
        (20, 1, None, History(), 4, "ScaleUpLimit"),
        (20, 8, None, History(), 10, "TooManyReplicas"),
        (1, 3, None, History(), 2, "TooFewReplicas"),
        (2, 5, None, History([Moment(900.0, 5)]), 5, "DesiredWithinRange"),  # stabilized
        (2, 5, None, History([Moment(600.0, 5)]), 2, "DesiredWithinRange"),
        (9, 3, RULES, History(), 5, "ScaleUpLimit"),
        (9, 5, RULES, History(ups=[Moment(990.0, 2)]), 5, "ScaleUpLimit"),
        (9, 3, CALM, History([Moment(950.0, 3)]), 3, "DesiredWithinRange"),
        (2, 8, QUICK, History(), 4, "ScaleDownLimit"),
        (2, 8, FIXED, History(), 8, "ScaleDownLimit"),
    ],
)
def test_how_fast_a_recommendation_is_followed(
    wanted: int, current: int, behavior: Obj | None, history: History, replicas: int, reason: str
) -> None:
    verdict = limited(wanted, current, 2, 10, behavior, history, 1000.0)
    assert (verdict.replicas, verdict.limited[0]) == (replicas, reason)


METRICS = GVR("metrics.k8s.io", "v1beta1", "pods")


def hpa(**spec: object) -> Obj:
    target = {"type": "Utilization", "averageUtilization": 50}
    wanted = {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
        "minReplicas": 1,
        "maxReplicas": 5,
        "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": target}}],
    }
    return {"metadata": {"name": "web", "namespace": "ns"}, "spec": {**wanted, **spec}}


def conditions(cluster: Any) -> dict[str, str]:
    found = cluster.client.find(HORIZONTAL_POD_AUTOSCALERS, "web", "ns")
    listed = (found.get("status") or {}).get("conditions") or ()
    return {condition["type"]: condition["reason"] for condition in listed}


async def test_scales_up_by_cpu(cluster: Any) -> None:
    cluster.serve(DEPLOYMENTS, "Deployment")
    cluster.client.add(DEPLOYMENTS, {"metadata": {"name": "web", "namespace": "ns"}, "spec": {"replicas": 1}})
    cluster.client.change(DEPLOYMENTS, "web", "ns", {"status": {"selector": "app=web", "replicas": 1}})
    cluster.client.add(PODS, pod("a"))
    cluster.client.add(HORIZONTAL_POD_AUTOSCALERS, hpa())
    cluster.start(HorizontalPodAutoscalerController)
    await until(lambda: conditions(cluster).get("ScalingActive") == "FailedGetResourceMetric")
    await until(lambda: "FailedComputeMetricsReplicas" in cluster.reasons())
    usage = [{"name": "c", "usage": {"cpu": "1", "memory": "1Mi"}}]
    metadata = {"name": "a", "namespace": "ns", "labels": {"app": "web"}}
    cluster.client.add(
        METRICS, {"metadata": metadata, "timestamp": "2026-01-02T03:04:05Z", "window": "15s", "containers": usage}
    )
    cluster.clock.advance(16)
    await until(lambda: cluster.client.find(DEPLOYMENTS, "web", "ns")["spec"]["replicas"] == 2)
    await until(lambda: "SuccessfulRescale" in cluster.reasons())
    await until(lambda: conditions(cluster).get("AbleToScale") == "SucceededRescale")
    status = cluster.client.find(HORIZONTAL_POD_AUTOSCALERS, "web", "ns")["status"]
    assert (status["currentReplicas"], status["desiredReplicas"]) == (1, 2)
    assert status["currentMetrics"][0]["resource"]["current"] == {"averageUtilization": 100, "averageValue": "1"}


async def test_says_what_it_cannot_scale(cluster: Any) -> None:
    cluster.client.add(HORIZONTAL_POD_AUTOSCALERS, hpa())
    cluster.start(HorizontalPodAutoscalerController)
    await until(lambda: conditions(cluster).get("AbleToScale") == "FailedGetScale")


async def test_autoscalers_of_the_same_pods_keep_still(cluster: Any) -> None:
    cluster.serve(DEPLOYMENTS, "Deployment")
    for name in ("web", "api"):
        cluster.client.add(DEPLOYMENTS, {"metadata": {"name": name, "namespace": "ns"}, "spec": {"replicas": 1}})
        cluster.client.change(DEPLOYMENTS, name, "ns", {"status": {"selector": "app=web", "replicas": 1}})
    cluster.client.add(PODS, pod("a"))
    cluster.client.add(HORIZONTAL_POD_AUTOSCALERS, hpa())
    other = hpa(scaleTargetRef={"apiVersion": "apps/v1", "kind": "Deployment", "name": "api"})
    cluster.client.add(HORIZONTAL_POD_AUTOSCALERS, {**other, "metadata": {"name": "api", "namespace": "ns"}})
    cluster.start(HorizontalPodAutoscalerController)

    def after_another_look(reason: str) -> bool:
        cluster.clock.advance(16)
        return conditions(cluster).get("ScalingActive") == reason

    await until(lambda: after_another_look("AmbiguousSelector"))
    await until(lambda: "AmbiguousSelector" in cluster.reasons())
    listed = cluster.client.find(HORIZONTAL_POD_AUTOSCALERS, "web", "ns")["status"]["conditions"]
    text = "pods by selector app=web are controlled by multiple HPAs: [{api ns} {web ns}]"
    assert text in [condition["message"] for condition in listed]
    cluster.client.remove(HORIZONTAL_POD_AUTOSCALERS, "api", "ns")
    await until(lambda: after_another_look("FailedGetResourceMetric"))
