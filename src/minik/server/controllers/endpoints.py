"""Mirrors every Service with a selector into a v1 Endpoints object; decisions are in endpoints_plan.py."""

from collections.abc import Iterable

from minik.api.status import StatusError
from minik.client.client import Client
from minik.client.controller import Controller
from minik.client.events import WARNING, object_reference
from minik.client.informer import Change, split_key
from minik.client.resources import ENDPOINTS, PODS, SERVICES
from minik.server.controllers import indexes
from minik.server.controllers import service_pods as members
from minik.server.controllers.context import ControllerContext
from minik.server.controllers.endpoint_slice import keys_of_services
from minik.server.controllers.endpoints_plan import MANAGED_BY, MANAGER, build
from minik.server.controllers.objects import labels_of
from minik.server.controllers.pod_control import namespace_is_terminating


class EndpointsController(Controller):
    name = "endpoint-controller"
    workers = 5

    def __init__(self, context: ControllerContext) -> None:
        super().__init__(clock=context.clock)
        self._client: Client = context.client_for(self.name)
        self._recorder = context.events.recorder(self.name)
        self._services = self.watch(context.informers.of(SERVICES, indexes=indexes.BY_NAMESPACE))
        self._pods = self.watch(context.informers.of(PODS, indexes=indexes.PODS), self._keys_of_pod)
        self._endpoints = self.watch(context.informers.of(ENDPOINTS))

    def _keys_of_pod(self, change: Change) -> Iterable[str]:
        namespace = change.obj["metadata"]["namespace"]
        return keys_of_services(self._services.by_index(indexes.NAMESPACE, namespace), change)

    async def reconcile(self, key: str) -> float | None:
        namespace, name = split_key(key)
        service, current = self._services.get_key(key), self._endpoints.get_key(key)
        if service is None:
            if current is not None and labels_of(current).get(MANAGED_BY) == MANAGER:
                await self._delete(namespace, name)
            return None
        if not members.has_endpoints(service):
            return None
        pods = [pod for pod in self._pods.by_index(indexes.NAMESPACE, namespace) if members.selects(service, pod)]
        wanted = build(service, pods, current)
        if wanted is None:
            return None
        try:
            if current is None:
                await self._client.create(ENDPOINTS, wanted, namespace)
            else:
                await self._client.update(ENDPOINTS, wanted, namespace)
        except StatusError as error:
            if namespace_is_terminating(error):
                return None
            if error.code != 409:
                verb = "create" if current is None else "update"
                text = f"Failed to {verb} endpoint {namespace}/{name}: {error.message}"
                about = object_reference("v1", "Endpoints", wanted)
                self._recorder.event(about, WARNING, f"FailedTo{verb.capitalize()}Endpoint", text)
            raise
        return None

    async def _delete(self, namespace: str, name: str) -> None:
        try:
            await self._client.delete(ENDPOINTS, name, namespace)
        except StatusError as error:
            if error.code != 404:
                raise
