"""HorizontalPodAutoscalers in a whole server, by metrics that a stand-in for an adapter serves.

An autoscaler is looked at when it is made and whenever its spec changes, so that no test waits for its period.
"""

import secrets
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from harness.api_server import ApiServer
from harness.cluster import eventually
from harness.metrics_apis import MetricsApis
from harness.objects import Obj, Objects, conditions, new_namespace

SOON = {"within": 10.0, "every": 0.02}
ABLE = "the HPA controller was able to get the target's current scale"
WITHIN = ("False", "DesiredWithinRange", "the desired count is within the acceptable range")


@pytest.fixture(scope="module")
def apis(fake_cluster: ApiServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[MetricsApis]:
    with fake_cluster.wire() as wire:
        objects = new_namespace(wire)
        with MetricsApis(tmp_path_factory.mktemp("metrics")).serving(objects) as found:
            yield found
        objects.delete("namespaces", objects.namespace)


def deployment(objects: Objects, replicas: int, name: str = "web", labels: Obj | None = None) -> None:
    """With all its Pods running."""
    labels = labels or {"app": name}
    requests = {"cpu": "100m", "memory": "10Mi"}
    containers = [{"name": "c", "image": "i", "resources": {"requests": requests}}]
    template = {"metadata": {"labels": labels}, "spec": {"containers": containers}}
    spec = {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template}
    objects.create("deployments", name, {"spec": spec})
    eventually(lambda: objects.get("deployments", name)["status"].get("readyReplicas", 0) == replicas, **SOON)


def autoscaler(objects: Objects, *metrics: Obj, name: str = "web", most: int = 10, **spec: Any) -> None:
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": name}
    content = {"scaleTargetRef": target, "minReplicas": 1, "maxReplicas": most, "metrics": [*metrics], **spec}
    objects.create("horizontalpodautoscalers", name, {"spec": content})


def external(target: str, kind: str = "Value", selector: Obj | None = None) -> Obj:
    metric: Obj = {"name": "queue"} | ({"selector": selector} if selector else {})
    field = kind[0].lower() + kind[1:]
    return {"type": "External", "external": {"metric": metric, "target": {"type": kind, field: target}}}


def told(objects: Objects, name: str = "web", **wanted: tuple[str, str, str]) -> Obj:
    """The status once these conditions are shown."""

    def check() -> Obj:
        found = objects.get("horizontalpodautoscalers", name)
        shown = {type: text for type, text in conditions(found).items() if type in wanted}
        assert shown == wanted, found.get("status")
        status: Obj = found["status"]
        return status

    status: Obj = eventually(check, **SOON)
    return status


def replicas(objects: Objects, count: int, name: str = "web") -> None:
    eventually(lambda: objects.get("deployments", name)["spec"]["replicas"] == count, what=f"{count} replicas", **SOON)


def valid(metric: str) -> tuple[str, str, str]:
    return ("True", "ValidMetricFound", f"the HPA was able to successfully calculate a replica count from {metric}")


def rescaled(count: int) -> tuple[str, str, str]:
    return ("True", "SucceededRescale", f"the HPA controller was able to update the target scale to {count}")


def event(objects: Objects, type: str, reason: str, message: str, name: str = "web") -> None:
    eventually(lambda: objects.has_event(name, type, reason, message), **SOON)


def queue(apis: MetricsApis, objects: Objects, *values: str) -> None:
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    items = [{"metricName": "queue", "metricLabels": {}, "timestamp": now, "value": value} for value in values]
    apis.values[f"namespaces/{objects.namespace}/queue"] = items


def custom(apis: MetricsApis, path: str, kind: str, **values: str) -> None:
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    apis.values[path] = [
        {"describedObject": {"kind": kind, "name": name}, "metric": {"name": "m"}, "timestamp": now, "value": value}
        for name, value in values.items()
    ]


def test_external_metric_scales_up_as_fast_as_is_allowed(apis: MetricsApis, objects: Objects) -> None:
    deployment(objects, 2)
    queue(apis, objects, "6", "4")
    autoscaler(objects, external("2"))
    replicas(objects, 4)
    status = told(
        objects,
        AbleToScale=rescaled(4),
        ScalingActive=valid("external metric queue(nil)"),
        ScalingLimited=(
            "True",
            "ScaleUpLimit",
            "the desired replica count is increasing faster than the maximum scale rate",
        ),
    )
    assert (status["currentReplicas"], status["desiredReplicas"], status["observedGeneration"]) == (2, 4, 1)
    assert status["currentMetrics"] == [
        {"type": "External", "external": {"metric": {"name": "queue"}, "current": {"value": "10"}}}
    ]
    assert "lastScaleTime" in status
    event(objects, "Normal", "SuccessfulRescale", "New size: 4; reason: external metric queue(nil) above target")


def test_share_of_an_external_metric_asks_for_its_own_labels(apis: MetricsApis, objects: Objects) -> None:
    deployment(objects, 1)
    queue(apis, objects, "9")
    autoscaler(objects, external("3", "AverageValue", {"matchLabels": {"team": "red"}}))
    replicas(objects, 3)
    assert apis.queries[f"namespaces/{objects.namespace}/queue"] == {"labelSelector": ["team=red"]}
    written = "&LabelSelector{MatchLabels:map[string]string{team: red,},MatchExpressions:[]LabelSelectorRequirement{},}"
    status = told(objects, ScalingActive=valid(f"external metric queue({written})"))
    assert status["currentMetrics"][0]["external"]["current"] == {"averageValue": "9"}


def test_pods_metric_is_averaged(apis: MetricsApis, objects: Objects) -> None:
    deployment(objects, 2)
    pods = {pod["metadata"]["name"]: "300m" for pod in objects.all("pods")}
    path = f"namespaces/{objects.namespace}/pods/*/m"
    custom(apis, path, "Pod", **pods)
    metric = {"name": "m", "selector": {"matchLabels": {"verb": "GET"}}}
    target = {"type": "AverageValue", "averageValue": "200m"}
    autoscaler(objects, {"type": "Pods", "pods": {"metric": metric, "target": target}})
    replicas(objects, 3)
    told(objects, ScalingActive=valid("pods metric m"), ScalingLimited=WITHIN)
    assert apis.queries[path] == {"labelSelector": ["app=web"], "metricLabelSelector": ["verb=GET"]}


@pytest.mark.parametrize(
    ("about", "path"),
    [
        ({"apiVersion": "v1", "kind": "Service", "name": "front"}, "services/front/m"),
        ({"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}, "deployments.apps/web/m"),
        ({"apiVersion": "v1", "kind": "Namespace", "name": "any"}, "metrics/m"),
    ],
    ids=lambda value: value["kind"] if isinstance(value, dict) else "",
)
def test_object_metric_is_asked_of_its_object(apis: MetricsApis, objects: Objects, about: Obj, path: str) -> None:
    deployment(objects, 1)
    custom(apis, f"namespaces/{objects.namespace}/{path}", about["kind"], **{about["name"]: "4k"})
    target = {"type": "Value", "value": "2k"}
    autoscaler(
        objects, {"type": "Object", "object": {"describedObject": about, "metric": {"name": "m"}, "target": target}}
    )
    replicas(objects, 2)
    status = told(objects, ScalingActive=valid(f"{about['kind']} metric m"))
    assert status["currentMetrics"][0]["object"]["current"] == {"value": "4k"}


def test_change_within_the_tolerance_is_none(apis: MetricsApis, objects: Objects) -> None:
    deployment(objects, 2)
    queue(apis, objects, "21")
    autoscaler(objects, external("20"))
    told(
        objects,
        AbleToScale=("True", "ReadyForNewScale", "recommended size matches current size"),
        ScalingLimited=WITHIN,
    )
    strict = {"scaleUp": {"tolerance": "10m"}}
    objects.patch("horizontalpodautoscalers", "web", {"spec": {"behavior": strict}})
    replicas(objects, 3)


def test_scale_down_waits_for_the_window_and_follows_the_policies(apis: MetricsApis, objects: Objects) -> None:
    deployment(objects, 8)
    queue(apis, objects, "1")
    autoscaler(objects, external("8"))
    steady = "recent recommendations were higher than current one, applying the highest recent recommendation"
    told(objects, AbleToScale=("True", "ScaleDownStabilized", steady), ScalingLimited=WITHIN)
    policies = [{"type": "Pods", "value": 3, "periodSeconds": 60}]
    quick = {"scaleDown": {"stabilizationWindowSeconds": 0, "policies": policies}}
    objects.patch("horizontalpodautoscalers", "web", {"spec": {"behavior": quick}})
    replicas(objects, 5)
    told(
        objects,
        AbleToScale=rescaled(5),
        ScalingLimited=(
            "True",
            "ScaleDownLimit",
            "the desired replica count is decreasing faster than the maximum scale rate",
        ),
    )
    event(objects, "Normal", "SuccessfulRescale", "New size: 5; reason: All metrics below target")
    eventually(lambda: objects.get("deployments", "web")["status"]["readyReplicas"] == 5, **SOON)
    quick["scaleDown"]["selectPolicy"] = "Disabled"
    objects.patch("horizontalpodautoscalers", "web", {"spec": {"behavior": quick}})
    status = told(objects, AbleToScale=("True", "ReadyForNewScale", "recommended size matches current size"))
    assert status["desiredReplicas"] == 5


def test_bounds_are_kept_whatever_metrics_say(apis: MetricsApis, objects: Objects) -> None:
    deployment(objects, 4)
    autoscaler(objects, external("8"), most=3)
    replicas(objects, 3)
    event(
        objects, "Normal", "SuccessfulRescale", "New size: 3; reason: Current number of replicas above Spec.MaxReplicas"
    )
    objects.patch("horizontalpodautoscalers", "web", {"spec": {"minReplicas": 5, "maxReplicas": 6}})
    replicas(objects, 5)
    event(
        objects, "Normal", "SuccessfulRescale", "New size: 5; reason: Current number of replicas below Spec.MinReplicas"
    )


def test_metric_that_is_not_there_is_told(apis: MetricsApis, objects: Objects) -> None:
    deployment(objects, 1)
    autoscaler(objects, external("8", selector={"matchLabels": {"a": "b"}}))
    written = "&LabelSelector{MatchLabels:map[string]string{a: b,},MatchExpressions:[]LabelSelectorRequirement{},}"
    why = (
        f"unable to get external metric {objects.namespace}/queue/{written}: unable to fetch metrics from external "
        "metrics API: the server could not find the metric for what was asked"
    )
    failed = f"the HPA was unable to compute the replica count: {why}"
    told(
        objects,
        AbleToScale=("True", "SucceededGetScale", ABLE),
        ScalingActive=("False", "FailedGetExternalMetric", failed),
    )
    event(objects, "Warning", "FailedGetExternalMetric", why)
    first = f"failed to get queue external metric value: failed to get queue external metric: {why}"
    event(
        objects,
        "Warning",
        "FailedComputeMetricsReplicas",
        f"invalid metrics (1 invalid out of 1), first error is: {first}",
    )


@pytest.mark.parametrize(
    ("target", "what"),
    [
        ({"type": "Utilization", "averageUtilization": 50}, "utilization"),
        ({"type": "AverageValue", "averageValue": "1"}, "usage"),
    ],
    ids=["utilization", "usage"],
)
def test_resource_without_metrics_is_told(objects: Objects, target: Obj, what: str) -> None:
    deployment(objects, 1)
    autoscaler(objects, {"type": "Resource", "resource": {"name": "cpu", "target": target}})
    none = "unable to get metrics for resource cpu: unable to fetch metrics from resource metrics API"
    missing = "the server could not find the requested resource (get pods.metrics.k8s.io)"
    why = f"failed to get cpu {what}: {none}: {missing}"
    event(objects, "Warning", "FailedGetResourceMetric", why)
    text = f"invalid metrics (1 invalid out of 1), first error is: failed to get cpu resource metric value: {why}"
    event(objects, "Warning", "FailedComputeMetricsReplicas", text)


def test_failed_metric_only_keeps_it_from_going_down(apis: MetricsApis, objects: Objects) -> None:
    deployment(objects, 2)
    queue(apis, objects, "1")
    cpu = {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 50}}}
    autoscaler(objects, cpu, external("8"))
    eventually(
        lambda: (
            conditions(objects.get("horizontalpodautoscalers", "web"))["ScalingActive"][1] == "FailedGetResourceMetric"
        ),
        **SOON,
    )
    queue(apis, objects, "24")
    objects.patch("horizontalpodautoscalers", "web", {"spec": {"maxReplicas": 9}})
    replicas(objects, 4)


def test_target_that_is_not_there_is_told(objects: Objects) -> None:
    autoscaler(objects, external("8"))
    why = 'deployments.apps "web" not found'
    prefix = "the HPA controller was unable to get the target's current scale: "
    told(objects, AbleToScale=("False", "FailedGetScale", prefix + why))
    event(objects, "Warning", "FailedGetScale", why)
    other = {"apiVersion": "example.com/v1", "kind": "Mystery", "name": "m"}
    objects.patch("horizontalpodautoscalers", "web", {"spec": {"scaleTargetRef": other}})
    why = (
        'unable to determine resource for scale target reference: no matches for kind "Mystery" in group "example.com"'
    )
    told(objects, AbleToScale=("False", "FailedGetScale", prefix + why))
    event(objects, "Warning", "FailedGetScale", why)


def test_nothing_is_scaled_that_was_put_to_zero(apis: MetricsApis, objects: Objects) -> None:
    deployment(objects, 0)
    queue(apis, objects, "100")
    autoscaler(objects, external("1"))
    text = "scaling is disabled since the replica count of the target is zero"
    status = told(objects, ScalingActive=("False", "ScalingDisabled", text))
    assert status["desiredReplicas"] == 0


def test_autoscalers_of_the_same_pods_keep_still(apis: MetricsApis, objects: Objects) -> None:
    queue(apis, objects, "100")
    for name in ("one", "two"):
        deployment(objects, 1, name, {"app": "same"})
        autoscaler(objects, external("1"), name=name, most=1)
    objects.patch("horizontalpodautoscalers", "one", {"spec": {"maxReplicas": 5}})
    here = objects.namespace
    text = f"pods by selector app=same are controlled by multiple HPAs: [{{one {here}}} {{two {here}}}]"
    told(objects, "one", ScalingActive=("False", "AmbiguousSelector", text))
    event(objects, "Warning", "AmbiguousSelector", text, "one")
    event(objects, "Warning", "FailedComputeMetricsReplicas", text, "one")


def test_scale_without_a_selector_is_told(apis: MetricsApis, objects: Objects) -> None:
    group = f"{secrets.token_hex(3)}.example.com"
    kinds = Objects(objects.wire, objects.namespace, {"crates": f"{group}/v1"})
    names = {"plural": "crates", "singular": "crate", "kind": "Crate", "listKind": "CrateList"}
    count = {"type": "object", "properties": {"replicas": {"type": "integer"}}}
    schema = {"type": "object", "properties": {"spec": count, "status": count}}
    version = {
        "name": "v1",
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": schema},
        "subresources": {
            "status": {},
            "scale": {"specReplicasPath": ".spec.replicas", "statusReplicasPath": ".status.replicas"},
        },
    }
    spec = {"group": group, "scope": "Namespaced", "names": names, "versions": [version]}
    kinds.create("customresourcedefinitions", f"crates.{group}", {"spec": spec})
    eventually(lambda: kinds.all("crates") == [], **SOON)
    kinds.create("crates", "web", {"kind": "Crate", "spec": {"replicas": 1}})
    target = {"apiVersion": f"{group}/v1", "kind": "Crate", "name": "web"}
    autoscaler(objects, external("1"), scaleTargetRef=target)
    text = "the HPA target's scale is missing a selector"
    told(objects, ScalingActive=("False", "InvalidSelector", text))
    event(objects, "Warning", "SelectorRequired", "selector is required")
    event(objects, "Warning", "FailedComputeMetricsReplicas", "selector is required")
    kinds.delete("customresourcedefinitions", f"crates.{group}")
