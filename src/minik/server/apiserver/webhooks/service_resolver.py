"""Where the API server finds what stands behind a Service: straight at an endpoint, past the ClusterIP.

So it needs no kube-proxy on its own machine. Upstream: apiserver's util/proxy ResolveEndpoint.
"""

import random

from minik.api.status import StatusError, not_found, service_unavailable
from minik.api.types import GVR, Obj
from minik.server.apiserver.objects import Reader

SERVICES = GVR("", "v1", "services")
SLICES = GVR("discovery.k8s.io", "v1", "endpointslices")
_SERVICE_LABEL = "kubernetes.io/service-name"


def resolve(objects: Reader, namespace: str, name: str, port: int) -> tuple[str, int]:
    """Host and port of one ready endpoint. Raises StatusError with upstream's texts."""
    service = objects.get(SERVICES, name, namespace)
    if service is None:
        raise _no_service(name)
    spec = service["spec"]
    if spec.get("type") == "ExternalName":
        return spec.get("externalName", ""), port
    port_name = _port_name(service, port)
    found = [
        (endpoint["addresses"][0], number["port"])
        for item in objects.list(SLICES, namespace)
        if (item["metadata"].get("labels") or {}).get(_SERVICE_LABEL) == name
        for number in item.get("ports") or ()
        if (number.get("name") or "") == port_name and number.get("port")
        for endpoint in item.get("endpoints") or ()
        if (endpoint.get("conditions") or {}).get("ready") is not False and endpoint.get("addresses")
    ]
    if not found:
        raise service_unavailable(f'no endpoints available for service "{name}"')
    return random.choice(found)


def _port_name(service: Obj, port: int) -> str:
    for candidate in service["spec"].get("ports") or ():
        if candidate["port"] == port:
            return candidate.get("name") or ""
    raise service_unavailable(f'no service port {port} found for service "{service["metadata"]["name"]}"')


def _no_service(name: str) -> StatusError:
    """As a lister says it: of "service", not "services"."""
    return not_found("", "service", name)
