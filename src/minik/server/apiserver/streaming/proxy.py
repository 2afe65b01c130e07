"""`pods/proxy`, `services/proxy` and `nodes/proxy`: plain HTTP through the API server.

    /api/v1/namespaces/NS/pods/[SCHEME:]NAME[:PORT]/proxy/PATH -> http://POD-IP:PORT/PATH

https://kubernetes.io/docs/tasks/access-application-cluster/access-cluster-services/#discovering-builtin-services
"""

import ipaddress
import random
import ssl
from dataclasses import dataclass, replace

from aiohttp import web

from minik.api.request import Response
from minik.api.status import bad_request, not_found, service_unavailable
from minik.api.types import GVR, Obj
from minik.client.tls import unverified
from minik.server.apiserver.objects import Reader
from minik.server.apiserver.registry.call import Call
from minik.server.apiserver.registry.registry import Registry
from minik.server.apiserver.streaming.admission import admit
from minik.server.apiserver.streaming.forwarding import Target, forward
from minik.server.apiserver.streaming.kubelets import Kubelets

PODS, SERVICES = GVR("", "v1", "pods"), GVR("", "v1", "services")
SLICES = GVR("discovery.k8s.io", "v1", "endpointslices")


@dataclass(frozen=True, slots=True)
class Proxy:
    """Serves the three subresources. `objects` reads Pods, Services and EndpointSlices."""

    objects: Reader
    kubelets: Kubelets

    async def serve(self, registry: Registry, call: Call) -> Response:
        await admit(registry, call)
        scheme, name, port = _split(call)
        resolve = {"pods": self._pod, "services": self._service, "nodes": self._node}[call.resource.plural]
        target = replace(resolve(call, scheme, name, port), path=call.info.rest)
        if call.request.local:
            raise bad_request("proxying needs a connection of its own")

        async def answer(incoming: web.BaseRequest) -> web.StreamResponse:
            return await forward(incoming, target)

        return Response(upgrade=answer)

    def _pod(self, call: Call, scheme: str, name: str, port: str) -> Target:
        pod = self.objects.get(PODS, name, call.namespace)
        if pod is None:
            raise not_found("", "pods", name)
        number = int(port) if port.isdigit() else _container_port(pod, port, scheme)
        return _checked(Target(scheme, (pod.get("status") or {}).get("podIP") or "", number, tls=_tls(scheme)))

    def _service(self, call: Call, scheme: str, name: str, port: str) -> Target:
        if port.isdigit():
            service = self.objects.get(SERVICES, name, call.namespace)
            if service is None:
                raise not_found("", "services", name)
            port = _port_name(service, int(port))
        slices = [
            item
            for item in self.objects.list(SLICES, call.namespace)
            if (item["metadata"].get("labels") or {}).get("kubernetes.io/service-name") == name
        ]
        if not slices:
            raise not_found("", "services", name)
        found = [
            (endpoint["addresses"][0], number["port"])
            for item in slices
            for number in item.get("ports") or ()
            if (number.get("name") or "") == port and number.get("port")
            for endpoint in item.get("endpoints") or ()
            if (endpoint.get("conditions") or {}).get("ready") is not False
            and self._is_of_pod(endpoint, call.namespace)
        ]
        if not found:
            raise service_unavailable(f'no endpoints available for service "{call.name}"')
        host, number = random.choice(found)
        return _checked(Target(scheme, host, number, tls=_tls(scheme)))

    def _is_of_pod(self, endpoint: Obj, namespace: str) -> bool:
        """Whoever writes EndpointSlices must not make the API server connect to anything but Pods."""
        target = endpoint.get("targetRef") or {}
        pod = self.objects.get(PODS, target.get("name") or "", namespace)
        if pod is None or target.get("namespace") != namespace:
            return False
        return any(ip.get("ip") in endpoint["addresses"] for ip in (pod.get("status") or {}).get("podIPs") or ())

    def _node(self, call: Call, scheme: str, name: str, port: str) -> Target:
        endpoint = self.kubelets.endpoint(name, plural="nodes")
        if port and port != str(endpoint.port):
            number = int(port) if port.isdigit() else 0
            return _checked(Target(scheme, endpoint.host, number, tls=_tls(scheme)))
        return Target("https", endpoint.host, endpoint.port, tls=self.kubelets.tls)


def _split(call: Call) -> tuple[str, str, str]:
    """[scheme:]name[:port]. Raises StatusError 400."""
    parts = call.name.split(":")
    scheme = parts[0] if len(parts) > 2 else ""
    name, port = (parts[1], parts[2]) if len(parts) > 2 else (parts[0], "".join(parts[1:]))
    if len(parts) > 3 or not name or scheme not in ("http", "https", ""):
        raise bad_request(f'invalid {call.resource.kind.lower()} request "{call.name}"')
    return scheme or "http", name, port


def _container_port(pod: Obj, name: str, scheme: str) -> int:
    """A named port, or without a name the first port there is; the scheme's own when there is none."""
    for container in pod["spec"]["containers"]:
        for port in container.get("ports") or ():
            if not name or port.get("name") == name:
                return int(port["containerPort"])
    return 443 if scheme == "https" else 80


def _port_name(service: Obj, number: int) -> str:
    for port in service["spec"].get("ports") or ():
        if port["port"] == number:
            return port.get("name") or ""
    raise service_unavailable(f'no service port {number} found for service "{service["metadata"]["name"]}"')


def _checked(target: Target) -> Target:
    """Pods must not make the API server talk to itself or the link's neighbours. Raises StatusError 400."""
    try:
        address = ipaddress.ip_address(target.host)
    except ValueError:
        raise bad_request("address not allowed") from None
    if address.is_loopback or address.is_link_local or address.is_multicast or address.is_unspecified:
        raise bad_request("address not allowed")
    return target


def _tls(scheme: str) -> ssl.SSLContext | None:
    """Pods have certificates of nobody's; as upstream, they are not verified."""
    return unverified() if scheme == "https" else None
