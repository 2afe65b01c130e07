"""metrics.k8s.io/v1beta1: nodes and pods as metrics-server shows them, for `kubectl top` and autoscalers.

https://kubernetes.io/docs/tasks/debug/debug-cluster/resource-metrics-pipeline/
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from minik.api.request import Response
from minik.api.schema import structural
from minik.api.schema.types import GroupVersionKind
from minik.api.scheme import Column, Resource, Scheme
from minik.api.status import method_not_supported
from minik.api.types import GVR, Obj
from minik.server.apiserver.objects import Reader
from minik.server.apiserver.registry import answer, selection, table
from minik.server.apiserver.registry.call import Call
from minik.server.apiserver.registry.dispatch import Dispatcher
from minik.server.apiserver.registry.registry import Registry
from minik.server.apiserver.streaming.kubelets import NODES, Kubelets
from minik.server.resource_metrics.scraper import Scraper
from minik.server.resource_metrics.usage import API_VERSION, Usage, node_metrics, pod_metrics

GROUP, VERSION = "metrics.k8s.io", "v1beta1"
PODS = GVR("", "v1", "pods")
_NODE = ("", "", "")


_AMOUNT: Obj = {"x-kubernetes-int-or-string": True, "description": "A quantity, such as 100m or 64Mi."}
_USAGE: Obj = {"type": "object", "additionalProperties": _AMOUNT, "description": "cpu and memory that are used."}
_TIMES: Obj = {
    "timestamp": {"type": "string", "format": "date-time", "description": "The end of the measured interval."},
    "window": {"type": "string", "description": "The length of the measured interval."},
}
_CONTAINER: Obj = {"type": "object", "properties": {"name": {"type": "string"}, "usage": _USAGE}}
_NODE_FIELDS: Obj = {"usage": _USAGE}
_POD_FIELDS: Obj = {"containers": {"type": "array", "items": _CONTAINER}}


_COLUMNS = (Column("Name", format="name"), Column("cpu"), Column("memory"), Column("Window", format="duration"))


def _cells(metrics: Obj, _now: datetime) -> list[Any]:
    """A Pod uses what its containers use."""
    used = [metrics["usage"]] if "usage" in metrics else [container["usage"] for container in metrics["containers"]]
    cpu, memory = (sum(int(usage[name].rstrip("nKi")) for usage in used) for name in ("cpu", "memory"))
    return [metrics["metadata"]["name"], f"{cpu}n", f"{memory}Ki", metrics["window"]]


def _resource(kind: str, plural: str, fields: Obj, *, namespaced: bool) -> Resource:
    """Custom, in that its schema is no part of Kubernetes' own."""
    schema: Obj = {
        "type": "object",
        "description": f"{kind} says what one of the {plural} used in an interval.",
        "properties": {**_TIMES, **fields},
    }
    return Resource(
        group=GROUP,
        version=VERSION,
        kind=kind,
        plural=plural,
        singular="",
        type_name="",
        namespaced=namespaced,
        verbs=("get", "list"),
        columns=_COLUMNS,
        cells=_cells,
        stored=False,
        custom=True,
        shape=structural.shape(schema, GroupVersionKind(GROUP, VERSION, kind)),
    )


RESOURCES = (
    _resource("NodeMetrics", "nodes", _NODE_FIELDS, namespaced=False),
    _resource("PodMetrics", "pods", _POD_FIELDS, namespaced=True),
)


def install(scheme: Scheme, dispatcher: Dispatcher, objects: Reader, kubelets: Kubelets) -> None:
    """Serve the group. An APIService for it, as metrics-server brings one, goes before."""
    endpoint = MetricsEndpoint(objects, Scraper(objects, kubelets))
    for resource in RESOURCES:
        scheme.add(resource)
        dispatcher.add_virtual(GROUP, resource.plural, endpoint.serve)


class MetricsEndpoint:
    def __init__(self, objects: Reader, scraper: Scraper) -> None:
        self._objects = objects
        self._scraper = scraper

    async def serve(self, _registry: Registry, call: Call) -> Response:
        if call.info.verb not in ("get", "list"):
            raise method_not_supported(GROUP, call.resource.plural, call.info.verb)
        found = await (self._nodes() if call.resource.plural == "nodes" else self._pods(call.namespace))
        if call.info.verb == "get":
            for obj in found:
                if obj["metadata"]["name"] == call.name:
                    return answer.document(call, 200, obj)
            raise call.not_found()
        chosen = selection.of_call(call)
        return _listed(call, [obj for obj in found if chosen.matches(obj)])

    async def _nodes(self) -> Iterable[Obj]:
        used = await self._scraper.usage()
        nodes = {node["metadata"]["name"]: node for node in self._objects.list(NODES)}
        return [
            node_metrics(nodes[name], usage[_NODE]) for name, usage in used.items() if name in nodes and _NODE in usage
        ]

    async def _pods(self, namespace: str) -> Iterable[Obj]:
        by_pod: dict[tuple[str, str], dict[str, Usage]] = {}
        for usage in (await self._scraper.usage()).values():
            for (space, pod, container), used in usage.items():
                if container:
                    by_pod.setdefault((space, pod), {})[container] = used
        pods = self._objects.list(PODS, namespace)
        measured = ((pod, by_pod.get((pod["metadata"]["namespace"], pod["metadata"]["name"]))) for pod in pods)
        return [pod_metrics(pod, containers) for pod, containers in measured if containers]


def _listed(call: Call, objects: list[Obj]) -> Response:
    if call.request.local:
        return Response(items=objects, warnings=call.warnings)
    if call.form.kind:
        return answer.encoded(200, table.transform(call, objects, {}, is_list=True), call.form, call.warnings)
    items = [{key: value for key, value in obj.items() if key not in ("kind", "apiVersion")} for obj in objects]
    content = {"kind": f"{call.resource.kind}List", "apiVersion": API_VERSION, "metadata": {}, "items": items}
    return answer.encoded(200, content, call.form, call.warnings)
