"""Keeps the EndpointSlices of every Service with a selector; decisions are in endpoint_slice_plan.py.

Expectations by generation are not needed: a run only compares, and a slice written on stale data is a conflict or is
corrected by the next event.
"""

from collections.abc import Iterable

from minik.api.status import StatusError
from minik.api.types import Obj
from minik.client.client import Client
from minik.client.controller import Controller
from minik.client.events import WARNING, object_reference
from minik.client.expectations import Expectations
from minik.client.informer import Change, split_key
from minik.client.resources import ENDPOINT_SLICES, NODES, PODS, SERVICES
from minik.server.controllers import indexes
from minik.server.controllers import service_pods as members
from minik.server.controllers.context import ControllerContext
from minik.server.controllers.endpoint_slice_placement import MANAGED_BY, SERVICE_NAME, Plan, place
from minik.server.controllers.endpoint_slice_plan import MANAGER, ZONE, desired_endpoints, frame
from minik.server.controllers.objects import labels_of
from minik.server.controllers.pod_control import namespace_is_terminating

MISSING_NODE_RETRY = 1.0  # seconds; Pods may be seen before their node
_BY_SERVICE = "endpointslice-service"


class EndpointSliceController(Controller):
    name = "endpointslice-controller"
    workers = 5

    def __init__(self, context: ControllerContext) -> None:
        super().__init__(clock=context.clock)
        self._client: Client = context.client_for(self.name)
        self._recorder = context.events.recorder(self.name)
        self._expectations = Expectations(context.clock)
        self._services = self.watch(context.informers.of(SERVICES, indexes=indexes.BY_NAMESPACE))
        self._slices = self.watch(
            context.informers.of(ENDPOINT_SLICES, indexes={_BY_SERVICE: _managed_for}), self._keys_of_slice
        )
        self._pods = self.watch(context.informers.of(PODS, indexes=indexes.PODS), self._keys_of_pod)
        self._nodes = self.watch(context.informers.of(NODES), self._keys_of_node)

    def _keys_of_pod(self, change: Change) -> Iterable[str]:
        return keys_of_services(self._services.by_index(indexes.NAMESPACE, _namespace(change.obj)), change)

    def _keys_of_slice(self, change: Change) -> Iterable[str]:
        for key in _managed_for(change.obj):
            if change.old is None:
                self._expectations.creation_observed(key)
            yield key

    def _keys_of_node(self, change: Change) -> Iterable[str]:
        """Only where a node comes, goes or moves to another zone."""
        if change.old is not None and change.new is not None and _zone(change.old) == _zone(change.new):
            return
        for pod in self._pods.by_index(indexes.NODE, change.obj["metadata"]["name"]):
            yield from keys_of_services(self._services.by_index(indexes.NAMESPACE, _namespace(pod)), Change(None, pod))

    async def reconcile(self, key: str) -> float | None:
        namespace, _ = split_key(key)
        service = self._services.get_key(key)
        if service is None:
            self._expectations.forget(key)
            return None
        if not members.has_endpoints(service) or not self._expectations.satisfied(key):
            return None
        pods = [pod for pod in self._pods.by_index(indexes.NAMESPACE, namespace) if members.selects(service, pod)]
        zones = {node["metadata"]["name"]: _zone(node) for node in self._nodes.list()}
        desired = desired_endpoints(service, pods, zones)
        slices = self._slices.by_index(_BY_SERVICE, key)
        todo = place(frame(service), slices, desired.groups)
        self._expectations.expect(key, creations=len(todo.create))
        try:
            await carry_out(self._client, namespace, todo)
        except StatusError as error:
            self._expectations.forget(key)
            if namespace_is_terminating(error):
                return None
            if error.code != 409:
                self._complain(service, error.message)
            raise
        return MISSING_NODE_RETRY if desired.missing_nodes else None

    def _complain(self, service: Obj, message: str) -> None:
        name = f"{_namespace(service)}/{service['metadata']['name']}"
        text = f"Error updating Endpoint Slices for Service {name}: {message}"
        about = object_reference("v1", "Service", service)
        self._recorder.event(about, WARNING, "FailedToUpdateEndpointSlices", text)


async def carry_out(client: Client, namespace: str, todo: Plan) -> None:
    for endpoint_slice in todo.create:
        await client.create(ENDPOINT_SLICES, endpoint_slice, namespace)
    for endpoint_slice in todo.update:
        await client.update(ENDPOINT_SLICES, endpoint_slice, namespace)
    for endpoint_slice in todo.delete:
        try:
            await client.delete(ENDPOINT_SLICES, endpoint_slice["metadata"]["name"], namespace)
        except StatusError as error:
            if error.code != 404:
                raise


def keys_of_services(services: Iterable[Obj], change: Change) -> Iterable[str]:
    """Services that select the Pod now or did before, unless nothing changed that endpoints show."""
    old, new = change.old, change.new
    if old is not None and new is not None and _shown(old) == _shown(new):
        return
    for service in services:
        if any(pod is not None and members.selects(service, pod) for pod in (old, new)):
            yield f"{_namespace(service)}/{service['metadata']['name']}"


def _shown(pod: Obj) -> tuple[object, ...]:
    status, spec, metadata = pod.get("status") or {}, pod["spec"], pod["metadata"]
    ready = next((c["status"] for c in status.get("conditions") or () if c["type"] == "Ready"), "")
    return (
        members.addresses(pod),
        ready,
        status.get("phase"),
        spec.get("nodeName"),
        metadata.get("labels"),
        "deletionTimestamp" in metadata,
        metadata["uid"],
    )


def _managed_for(endpoint_slice: Obj) -> Iterable[str]:
    labels = labels_of(endpoint_slice)
    if labels.get(MANAGED_BY) == MANAGER and SERVICE_NAME in labels:
        yield f"{_namespace(endpoint_slice)}/{labels[SERVICE_NAME]}"


def _namespace(obj: Obj) -> str:
    return str(obj["metadata"]["namespace"])


def _zone(node: Obj) -> str | None:
    return labels_of(node).get(ZONE)
