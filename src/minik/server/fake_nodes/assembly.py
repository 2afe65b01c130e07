"""The components of fake nodes, in starting order."""

from collections.abc import Sequence

from minik.client.client import Client
from minik.client.informer import Informers
from minik.config import ServerConfig
from minik.server.fake_nodes.heartbeats import Heartbeats
from minik.server.fake_nodes.pod_stages import Delays
from minik.server.fake_nodes.pods import FakePods
from minik.server.fake_nodes.registry import FakeNodes
from minik.supervisor import Component


def fake_node_components(client: Client, config: ServerConfig) -> Sequence[Component]:
    """`client` acts for all the nodes' kubelets."""
    informers = Informers(client)
    capacity = dict(part.split("=", 1) for part in config.fake_node_capacity)
    delays = Delays(start=float(config.fake_pod_delay), run=float(config.fake_job_seconds))
    return [
        informers,
        Heartbeats(client, informers),
        FakePods(client, informers, delays),
        FakeNodes(client, informers, config.fake_nodes, capacity),
    ]
