"""Publishes the CA that verifies the API server as ConfigMap `kube-root-ca.crt` in every namespace."""

from collections.abc import Iterable

from minik.api.status import StatusError
from minik.api.types import Obj
from minik.client.client import Client
from minik.client.controller import Controller
from minik.client.informer import Change
from minik.client.resources import CONFIG_MAPS, NAMESPACES
from minik.server.controllers.context import ControllerContext
from minik.server.controllers.objects import annotations_of, is_deleting, own_copy
from minik.server.controllers.pod_control import namespace_is_terminating

CONFIG_MAP = "kube-root-ca.crt"
DESCRIPTION_KEY = "kubernetes.io/description"
DESCRIPTION = (
    "Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the "
    "internal service IP or kubernetes.default.svc. No other usage is guaranteed across distributions of Kubernetes "
    "clusters."
)


class RootCAController(Controller):
    name = "root-ca-cert-publisher"
    workers = 1

    def __init__(self, context: ControllerContext) -> None:
        super().__init__(clock=context.clock)
        self._client: Client = context.client_for(self.name)
        self._data = {"ca.crt": context.settings.root_ca}
        self._namespaces = self.watch(context.informers.of(NAMESPACES))
        selector = f"metadata.name={CONFIG_MAP}"
        self._config_maps = self.watch(context.informers.of(CONFIG_MAPS, field_selector=selector), _namespace_of)

    async def reconcile(self, key: str) -> float | None:
        namespace = self._namespaces.get_key(key)
        if namespace is None or is_deleting(namespace):
            return None
        current = self._config_maps.get(CONFIG_MAP, key)
        try:
            if current is None:
                await self._client.create(CONFIG_MAPS, self._wanted(key), key)
            elif current.get("data") != self._data or annotations_of(current).get(DESCRIPTION_KEY) != DESCRIPTION:
                changed = own_copy(current)
                changed["data"] = dict(self._data)
                changed["metadata"].setdefault("annotations", {})[DESCRIPTION_KEY] = DESCRIPTION
                await self._client.update(CONFIG_MAPS, changed, key)
        except StatusError as error:
            if error.reason not in ("AlreadyExists", "NotFound") and not namespace_is_terminating(error):
                raise
        return None

    def _wanted(self, namespace: str) -> Obj:
        return {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {
                "name": CONFIG_MAP,
                "namespace": namespace,
                "annotations": {DESCRIPTION_KEY: DESCRIPTION},
            },
            "data": dict(self._data),
        }


def _namespace_of(change: Change) -> Iterable[str]:
    yield change.obj["metadata"]["namespace"]
