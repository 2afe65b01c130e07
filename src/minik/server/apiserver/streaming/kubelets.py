"""Where kubelets are and how the API server connects to them.

Addresses and port come from the Node's status; TLS proves this server to the kubelet (client-kube-apiserver) and the
kubelet to this server (its serving certificate is from the server CA, whatever address it is reached at).
"""

import asyncio
import errno
import os
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from minik.api.status import StatusError, bad_request, not_found
from minik.api.types import GVR, Obj
from minik.server.apiserver.objects import Reader
from minik.server.apiserver.webhooks.refusals import certificate_text
from minik.upgrade import HEAD_LIMIT

NODES = GVR("", "v1", "nodes")
DEFAULT_PORT = 10250
CONNECT_TIMEOUT = 10.0  # seconds
_PREFERENCE = ("InternalIP", "ExternalIP", "Hostname", "InternalDNS", "ExternalDNS")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A kubelet's address."""

    host: str
    port: int

    @property
    def authority(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class Kubelets:
    """Connections to the kubelets of the cluster."""

    def __init__(self, nodes: Reader, server_ca: Path, certificate: Path, key: Path) -> None:
        self._nodes = nodes
        context = ssl.create_default_context(cafile=str(server_ca))
        context.check_hostname = False
        context.load_cert_chain(certificate, key)
        self.tls = context

    def endpoint(self, node_name: str, *, plural: str = "pods") -> Endpoint:
        """Raises StatusError 404 for a node that does not exist, 500 for one without an address.

        Upstream names the resource of the request (`plural`) in the 404, with the node's name.
        """
        node = self._nodes.get(NODES, node_name)
        if node is None:
            raise not_found("", plural, node_name)
        status = node.get("status") or {}
        port = ((status.get("daemonEndpoints") or {}).get("kubeletEndpoint") or {}).get("Port") or DEFAULT_PORT
        return Endpoint(_address(status.get("addresses") or ()), port)

    async def connect(self, endpoint: Endpoint) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Raises OSError (also TimeoutError) when the kubelet cannot be reached; `unreachable` words it."""
        async with asyncio.timeout(CONNECT_TIMEOUT):
            return await asyncio.open_connection(endpoint.host, endpoint.port, ssl=self.tls, limit=HEAD_LIMIT)


def _address(addresses: Sequence[Obj]) -> str:
    for wanted in _PREFERENCE:
        for address in addresses:
            if address.get("type") == wanted and address.get("address"):
                return str(address["address"])
    known = " ".join(f"{{{address.get('type', '')} {address.get('address', '')}}}" for address in addresses)
    raise StatusError(500, "", f"no preferred addresses found; known addresses: [{known}]")


def host_of(pod: Obj) -> str:
    """The node a Pod runs on. Raises StatusError 400 as upstream words it."""
    node: str = pod["spec"].get("nodeName") or ""
    if not node:
        raise bad_request(f"pod {pod['metadata']['name']} does not have a host assigned")
    return node


def container_of(pod: Obj, wanted: str) -> str:
    """The container a request is about; that of a Pod with one, if none is named. Raises StatusError 400."""
    spec, name = pod["spec"], pod["metadata"]["name"]
    kinds = ("initContainers", "containers", "ephemeralContainers")
    known: list[str] = [c["name"] for kind in kinds for c in spec.get(kind) or ()]
    if wanted:
        if wanted not in known:
            raise bad_request(f"container {wanted} is not valid for pod {name}")
        return wanted
    if len(spec["containers"]) == 1:
        return str(spec["containers"][0]["name"])
    raise bad_request(f"a container name must be specified for pod {name}, choose one of: [{' '.join(known)}]")


def unreachable(endpoint: Endpoint, error: OSError) -> str:
    """Why a kubelet could not be reached, as Go's dialer says it."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return certificate_text(error)
    if isinstance(error, TimeoutError) or error.errno is None or error.errno not in errno.errorcode:
        return f"dial tcp {endpoint.authority}: {str(error) or 'i/o timeout'}"
    return f"dial tcp {endpoint.authority}: connect: {os.strerror(error.errno).lower()}"
