"""`pods/proxy`, `services/proxy` and `nodes/proxy`: plain HTTP through the API server.

    /api/v1/namespaces/NS/pods/[SCHEME:]NAME[:PORT]/proxy/PATH -> http://POD-IP:PORT/PATH

https://kubernetes.io/docs/tasks/access-application-cluster/access-cluster-services/#discovering-builtin-services
"""

import ipaddress
import random
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

import aiohttp
from aiohttp import web
from yarl import URL

from minik.api.request import Response
from minik.api.status import StatusError, bad_request, not_found, service_unavailable
from minik.api.types import GVR, Obj
from minik.server.apiserver.objects import Reader
from minik.server.apiserver.registry.call import Call
from minik.server.apiserver.registry.registry import Registry
from minik.server.apiserver.streaming.admission import admit
from minik.server.apiserver.streaming.kubelets import CONNECT_TIMEOUT, Kubelets

PODS, SERVICES = GVR("", "v1", "pods"), GVR("", "v1", "services")
SLICES = GVR("discovery.k8s.io", "v1", "endpointslices")
CHUNK = 64 * 1024  # bytes
_HOP_BY_HOP = frozenset(
    {"connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "te", "trailer", "transfer-encoding"}
)
_NOT_PASSED = _HOP_BY_HOP | {"authorization", "host", "upgrade", "content-length", "cookie"}


@dataclass(frozen=True, slots=True)
class _Target:
    """Where a request goes: `scheme://host:port`."""

    scheme: str
    host: str
    port: int
    tls: ssl.SSLContext | None = None

    @property
    def base(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Proxy:
    """Serves the three subresources. `objects` reads Pods, Services and EndpointSlices."""

    objects: Reader
    kubelets: Kubelets

    async def serve(self, registry: Registry, call: Call) -> Response:
        await admit(registry, call)
        scheme, name, port = _split(call)
        resolve = {"pods": self._pod, "services": self._service, "nodes": self._node}[call.resource.plural]
        target = resolve(call, scheme, name, port)
        if call.request.local:
            raise bad_request("proxying needs a connection of its own")

        async def forward(incoming: web.BaseRequest) -> web.StreamResponse:
            return await _forward(incoming, call, target)

        return Response(upgrade=forward)

    def _pod(self, call: Call, scheme: str, name: str, port: str) -> _Target:
        pod = self.objects.get(PODS, name, call.namespace)
        if pod is None:
            raise not_found("", "pods", name)
        number = int(port) if port.isdigit() else _container_port(pod, port)
        return _checked(_Target(scheme, (pod.get("status") or {}).get("podIP") or "", number, _unverified(scheme)))

    def _service(self, call: Call, scheme: str, name: str, port: str) -> _Target:
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
        return _checked(_Target(scheme, host, number, _unverified(scheme)))

    def _is_of_pod(self, endpoint: Obj, namespace: str) -> bool:
        """Whoever writes EndpointSlices must not make the API server connect to anything but Pods."""
        target = endpoint.get("targetRef") or {}
        pod = self.objects.get(PODS, target.get("name") or "", namespace)
        if pod is None or target.get("namespace") != namespace:
            return False
        return any(ip.get("ip") in endpoint["addresses"] for ip in (pod.get("status") or {}).get("podIPs") or ())

    def _node(self, call: Call, scheme: str, name: str, port: str) -> _Target:
        endpoint = self.kubelets.endpoint(name, plural="nodes")
        if port and port != str(endpoint.port):
            return _checked(_Target(scheme, endpoint.host, int(port) if port.isdigit() else 0, _unverified(scheme)))
        return _Target("https", endpoint.host, endpoint.port, self.kubelets.tls)


def _split(call: Call) -> tuple[str, str, str]:
    """[scheme:]name[:port]. Raises StatusError 400."""
    parts = call.name.split(":")
    scheme = parts[0] if len(parts) > 2 else ""
    name, port = (parts[1], parts[2]) if len(parts) > 2 else (parts[0], "".join(parts[1:]))
    if len(parts) > 3 or not name or scheme not in ("http", "https", ""):
        raise bad_request(f'invalid {call.resource.kind.lower()} request "{call.name}"')
    return scheme or "http", name, port


def _container_port(pod: Obj, name: str) -> int:
    """A named port, or without a name the first TCP port; 80 when there is none."""
    for container in pod["spec"]["containers"]:
        for port in container.get("ports") or ():
            if (name and port.get("name") == name) or (not name and port.get("protocol", "TCP") == "TCP"):
                return int(port["containerPort"])
    return 80


def _port_name(service: Obj, number: int) -> str:
    for port in service["spec"].get("ports") or ():
        if port["port"] == number:
            return port.get("name") or ""
    raise service_unavailable(f'no service port {number} found for service "{service["metadata"]["name"]}"')


def _checked(target: _Target) -> _Target:
    """Pods must not make the API server talk to itself or the link's neighbours. Raises StatusError 400."""
    try:
        address = ipaddress.ip_address(target.host)
    except ValueError:
        raise bad_request("address not allowed") from None
    if address.is_loopback or address.is_link_local or address.is_multicast or address.is_unspecified:
        raise bad_request("address not allowed")
    return target


def _unverified(scheme: str) -> ssl.SSLContext | None:
    """Pods have certificates of nobody's; as upstream, they are not verified."""
    if scheme != "https":
        return None
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


async def _forward(incoming: web.BaseRequest, call: Call, target: _Target) -> web.StreamResponse:
    query = [(k, v) for k, values in call.request.query.items() for v in values]
    path = f"/{call.info.rest.lstrip('/')}" + (f"?{urlencode(query)}" if query else "")
    url = URL(target.base + path, encoded=True)
    headers = {k: v for k, v in incoming.headers.items() if not _withheld(k)}
    headers["X-Forwarded-Uri"] = call.request.path
    headers["X-Forwarded-Host"] = incoming.headers.get("Host", "")
    timeout = aiohttp.ClientTimeout(total=None, connect=CONNECT_TIMEOUT)
    connector = aiohttp.TCPConnector(ssl=target.tls or False)
    async with aiohttp.ClientSession(timeout=timeout, connector=connector, auto_decompress=False) as session:
        body = incoming.content if incoming.body_exists else None
        try:
            async with session.request(
                incoming.method, url, headers=headers, data=body, allow_redirects=False
            ) as answer:
                outgoing = web.StreamResponse(status=answer.status, headers=_kept(answer.headers))
                await outgoing.prepare(incoming)
                async for chunk in answer.content.iter_chunked(CHUNK):
                    await outgoing.write(chunk)
                await outgoing.write_eof()
                return outgoing
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            failure = StatusError(503, "ServiceUnavailable", f"error trying to reach service: {error}")
            return web.json_response(failure.status(), status=failure.code)


def _withheld(name: str) -> bool:
    """Credentials and what belongs to one connection only."""
    lower = name.lower()
    return lower in _NOT_PASSED or lower.startswith(("impersonate-", "x-remote-"))


def _kept(headers: Mapping[str, str]) -> Mapping[str, str]:
    return {k: v for k, v in headers.items() if k.lower() not in _HOP_BY_HOP}
