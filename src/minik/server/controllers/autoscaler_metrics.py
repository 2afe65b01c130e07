"""Asks the metrics APIs (metrics.k8s.io, custom.metrics.k8s.io, external.metrics.k8s.io), which others serve.

https://kubernetes.io/docs/concepts/workloads/autoscaling/horizontal-pod-autoscale/#support-for-metrics-apis
"""

from collections.abc import Mapping
from datetime import datetime
from urllib.parse import quote

from minik.api.cel.duration import parse_duration
from minik.api.quantity import parse
from minik.api.selectors import of_object
from minik.api.status import StatusError
from minik.api.types import GVR, Obj
from minik.client.client import Client
from minik.client.clock import parse_time
from minik.server.controllers.autoscaler_replicas import MetricError, PodMetric

_PODS = GVR("metrics.k8s.io", "v1beta1", "pods")
_CUSTOM, _EXTERNAL = ("custom.metrics.k8s.io", "v1beta2"), ("external.metrics.k8s.io", "v1beta1")
_ANY_POD = "pods/*/"
_MOST = 2**63 - 1


class Metrics:
    """Every method raises MetricError."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def resource(self, name: str, namespace: str, selector: str, container: str) -> Mapping[str, PodMetric]:
        """Use of a resource by Pod; of one container if named. Pods whose containers lack it are left out."""
        try:
            items = (await self._client.list(_PODS, namespace, label_selector=selector)).items
        except StatusError as error:
            asked = "" if error.details else " (get pods.metrics.k8s.io)"  # client-go's, where no API server answered
            text = f"unable to fetch metrics from resource metrics API: {error.message}{asked}"
            raise MetricError(f"unable to get metrics for resource {name}: {text}") from error
        if not items:
            raise MetricError(
                f"unable to get metrics for resource {name}: no metrics returned from resource metrics API"
            )
        found = {}
        for item in items:
            value = _use(item, name, container)
            if value is not None:
                found[item["metadata"]["name"]] = PodMetric(value, parse_time(item["timestamp"]), _seconds(item))
        return found

    async def pods(self, metric: Obj, namespace: str, selector: str) -> Mapping[str, PodMetric]:
        """A custom metric of every Pod."""
        resource = GVR(*_CUSTOM, f"{_ANY_POD}{quote(metric['name'], safe='')}")
        prefix = f"unable to get metric {metric['name']}: "
        items = await self._values(resource, namespace, "custom", prefix, selector, _selector(metric))
        return {item["describedObject"]["name"]: _metric(item) for item in items}

    async def of_object(self, metric: Obj, namespace: str, plural: str, about: Obj) -> int:
        """Of the namespace itself, or of an object in it."""
        name = quote(metric["name"], safe="")
        if plural == "namespaces":
            resource, within = GVR(*_CUSTOM, f"namespaces/{namespace}/metrics/{name}"), ""
        else:
            resource, within = GVR(*_CUSTOM, f"{plural}/{quote(about['name'], safe='')}/{name}"), namespace
        # upstream hands the error and the object over in another order than the text has them
        prefix = f"unable to get metric {metric['name']}: {about['kind']} on {namespace} {about['name']}/"
        items = await self._values(resource, within, "custom", prefix, "", _selector(metric))
        return _metric(items[0]).value

    async def external(self, metric: Obj, namespace: str) -> int:
        """The sum of all series."""
        resource = GVR(*_EXTERNAL, quote(metric["name"], safe=""))
        prefix = f"unable to get external metric {namespace}/{metric['name']}/{written(metric.get('selector'))}: "
        items = await self._values(resource, namespace, "external", prefix, _selector(metric), "")
        return min(sum(parse(item["value"]).milli for item in items), _MOST)

    async def _values(
        self, resource: GVR, namespace: str, api: str, prefix: str, labels: str, metric_labels: str
    ) -> list[Obj]:
        try:
            found = await self._client.list(
                resource, namespace, label_selector=labels, metric_label_selector=metric_labels
            )
        except StatusError as error:
            raise MetricError(f"{prefix}unable to fetch metrics from {api} metrics API: {error.message}") from error
        if not found.items:
            raise MetricError(f"{prefix}no metrics returned from {api} metrics API")
        return [*found.items]


def _selector(metric: Obj) -> str:
    return str(of_object(metric["selector"])) if metric.get("selector") else ""


def written(selector: Obj | None) -> str:
    """A label selector as Go prints it: upstream's messages have it so."""
    if selector is None:
        return "nil"
    labels = "".join(f"{name}: {value}," for name, value in sorted((selector.get("matchLabels") or {}).items()))
    expressions = "".join(
        f"LabelSelectorRequirement{{Key:{each['key']},Operator:{each['operator']},"
        f"Values:[{' '.join(each.get('values') or ())}],}},"
        for each in selector.get("matchExpressions") or ()
    )
    return (
        f"&LabelSelector{{MatchLabels:map[string]string{{{labels}}},"
        f"MatchExpressions:[]LabelSelectorRequirement{{{expressions}}},}}"
    )


def _use(item: Obj, resource: str, container: str) -> int | None:
    total: int | None = None
    for one in item.get("containers") or ():
        if container in ("", one["name"]):
            used = (one.get("usage") or {}).get(resource)
            if used is None:
                return None
            total = (total or 0) + parse(used).milli
    return total


def _metric(item: Obj) -> PodMetric:
    when: datetime = parse_time(item["timestamp"])
    return PodMetric(parse(item["value"]).milli, when, float(item.get("windowSeconds") or 60))


def _seconds(item: Obj) -> float:
    """The window, a Go duration such as "15s" or "1m0.5s"."""
    return parse_duration(str(item.get("window") or "0s")).total_seconds()
