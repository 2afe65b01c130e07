"""A node: kubelet, Pod network, Service proxy and DNS, put together.

    informers, events -> Pod network, proxy, DNS -> kubelet -> its HTTPS server

`node_client` acts as system:node:<name>, `proxy_client` as system:kube-proxy; whether they reach the API through this
process or over HTTPS makes no difference here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from minik.agent.dns.server import ClusterDns
from minik.agent.kubelet.kubelet import Kubelet
from minik.agent.kubelet.server import KubeletServer
from minik.agent.kubelet.server_auth import KubeletAuth
from minik.agent.network.cni import PodNetwork
from minik.agent.proxy.proxy import Proxy
from minik.client.client import Client
from minik.client.events import EventBroadcaster
from minik.client.informer import Informers
from minik.config import AgentConfig
from minik.supervisor import Background, Component


@dataclass(frozen=True, slots=True)
class NodeCredentials:
    """What the kubelet's own server proves itself with and whom it lets in."""

    certificate: Path
    key: Path
    client_ca: Path


class Agent:
    """`components` in starting order. The container runtime at `endpoint` may still be starting."""

    def __init__(
        self,
        config: AgentConfig,
        node_client: Client,
        proxy_client: Client,
        credentials: NodeCredentials,
        endpoint: str,
    ) -> None:
        self._config = config
        self._informers = Informers(node_client)
        self._events = EventBroadcaster(node_client)
        self._proxy_informers = Informers(proxy_client)
        recorder = self._events.recorder("kubelet", config.node_name)
        self.kubelet = Kubelet(config, node_client, self._informers, recorder, endpoint)
        self._node_client = node_client
        self._credentials = credentials

    @property
    def components(self) -> Sequence[Component]:
        config = self._config
        parts: list[Component] = [self._informers, self._events, self._proxy_informers]
        parts.append(Background(PodNetwork(config, config.node_name, self._informers)))
        if not config.disable_kube_proxy:
            parts.append(Background(Proxy(config, self._proxy_informers, self._informers)))
        if not config.disable_cluster_dns:
            parts.append(Background(ClusterDns(config, self._proxy_informers)))
        parts.append(self.kubelet)
        auth = KubeletAuth(self._node_client, config.node_name)
        proof = self._credentials
        parts.append(KubeletServer(self.kubelet, auth, proof.certificate, proof.key, proof.client_ca))
        return parts
