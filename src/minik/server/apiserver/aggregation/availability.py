"""Whether an aggregated API server can be there at all: its Service, port and endpoints.

The discovery check, which asks it, follows in aggregator.py. Texts: kube-aggregator's available controller.
"""

from minik.api.types import Obj
from minik.server.apiserver.aggregation.api_service import Backend, Condition
from minik.server.apiserver.objects import Reader
from minik.server.apiserver.webhooks.service_resolver import SERVICES, SLICES

_SERVICE_LABEL = "kubernetes.io/service-name"


def obstacle(backend: Backend, objects: Reader) -> Condition | None:
    """Why it need not be asked; None when it is worth asking."""
    name, namespace = backend.service, backend.namespace
    service = objects.get(SERVICES, name, namespace)
    if service is None:
        return _unavailable("ServiceNotFound", f'service/{name} in "{namespace}" is not present')
    if service["spec"].get("type", "ClusterIP") != "ClusterIP":
        return None  # whose ports are not what it listens on
    port = next((p for p in service["spec"].get("ports") or () if p["port"] == backend.port), None)
    if port is None:
        text = f'service/{name} in "{namespace}" is not listening on port {backend.port}'
        return _unavailable("ServicePortError", text)
    port_name = port.get("name") or ""
    slices = [
        item
        for item in objects.list(SLICES, namespace)
        if (item["metadata"].get("labels") or {}).get(_SERVICE_LABEL) == name
    ]
    if not slices:
        return _unavailable("EndpointsNotFound", f'cannot find endpointslices for service/{name} in "{namespace}"')
    if not any(_serves(item, port_name) for item in slices):
        text = f'endpointslices for service/{name} in "{namespace}" have no addresses with port name "{port_name}"'
        return _unavailable("MissingEndpoints", text)
    return None


def _serves(item: Obj, port_name: str) -> bool:
    if not any((port.get("name") or "") == port_name for port in item.get("ports") or ()):
        return False
    return any((e.get("conditions") or {}).get("ready") is not False for e in item.get("endpoints") or ())


def _unavailable(reason: str, message: str) -> Condition:
    return Condition("False", reason, message)
