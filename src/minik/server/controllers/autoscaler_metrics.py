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


class Metrics:
    """Every method raises MetricError."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def resource(self, name: str, namespace: str, selector: str, container: str) -> Mapping[str, PodMetric]:
        """Use of a resource by Pod; of one container if named. Pods whose containers lack it are left out."""
        try:
            items = (await self._client.list(_PODS, namespace, label_selector=selector)).items
        except StatusError as error:
            text = f"unable to fetch metrics from resource metrics API: {error.message}"
            raise MetricError(f"unable to get metrics for resource {name}: {text}") from error
        found = {}
        for item in items:
            value = _use(item, name, container)
            if value is not None:
                found[item["metadata"]["name"]] = PodMetric(value, parse_time(item["timestamp"]), _seconds(item))
        if not found:
            raise MetricError(
                f"unable to get metrics for resource {name}: no metrics returned from resource metrics API"
            )
        return found

    async def pods(self, metric: Obj, namespace: str, selector: str) -> Mapping[str, PodMetric]:
        """A custom metric of every Pod."""
        resource = GVR(*_CUSTOM, f"{_ANY_POD}{quote(_plain(metric), safe='')}")
        items = await self._values(resource, namespace, selector, "custom")
        found = {item["describedObject"]["name"]: _metric(item) for item in items}
        if not found:
            raise MetricError(f"unable to get metric {metric['name']}: no metrics returned from custom metrics API")
        return found

    async def of_object(self, metric: Obj, namespace: str, plural: str, name: str) -> int:
        resource = GVR(*_CUSTOM, f"{plural}/{quote(name, safe='')}/{quote(_plain(metric), safe='')}")
        items = await self._values(resource, namespace, "", "custom")
        if not items:
            raise MetricError(f"unable to get metric {metric['name']}: no metrics returned from custom metrics API")
        return _metric(items[0]).value

    async def external(self, metric: Obj, namespace: str) -> int:
        """The sum of all series."""
        selector = str(of_object(metric["selector"])) if metric.get("selector") else ""
        resource = GVR(*_EXTERNAL, quote(metric["name"], safe=""))
        items = await self._values(resource, namespace, selector, "external")
        if not items:
            name = f"{namespace}/{metric['name']}/{selector or '<nil>'}"
            raise MetricError(f"unable to get external metric {name}: no metrics returned from external metrics API")
        return sum(parse(item["value"]).milli for item in items)

    async def _values(self, resource: GVR, namespace: str, selector: str, api: str) -> list[Obj]:
        try:
            return [*(await self._client.list(resource, namespace, label_selector=selector)).items]
        except StatusError as error:
            text = f"unable to fetch metrics from {api} metrics API: {error.message}"
            raise MetricError(f"unable to get metric {resource.resource.rpartition('/')[2]}: {text}") from error


def _plain(metric: Obj) -> str:
    if metric.get("selector"):
        raise MetricError(f"unable to get metric {metric['name']}: selectors of custom metrics are not supported")
    return str(metric["name"])


def _use(item: Obj, resource: str, container: str) -> int | None:
    total = 0
    for one in item.get("containers") or ():
        if container and one["name"] != container:
            continue
        used = (one.get("usage") or {}).get(resource)
        if used is None:
            return None
        total += parse(used).milli
    return total


def _metric(item: Obj) -> PodMetric:
    when: datetime = parse_time(item["timestamp"])
    return PodMetric(parse(item["value"]).milli, when, float(item.get("windowSeconds") or 60))


def _seconds(item: Obj) -> float:
    """The window, a Go duration such as "15s" or "1m0.5s"."""
    return parse_duration(str(item.get("window") or "0s")).total_seconds()
