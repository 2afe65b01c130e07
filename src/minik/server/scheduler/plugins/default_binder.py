"""bind: tells the API server (pods/binding)."""

from minik.client.client import Client
from minik.client.resources import PODS
from minik.server.scheduler.framework import CycleState, Event
from minik.server.scheduler.node_info import PodInfo


class DefaultBinder:
    name = "DefaultBinder"
    events: frozenset[Event] = frozenset()

    def __init__(self, client: Client) -> None:
        self._client = client

    async def bind(self, state: CycleState, pod: PodInfo, node_name: str) -> None:
        """Raises StatusError when the API server refuses."""
        binding = {
            "apiVersion": "v1",
            "kind": "Binding",
            "metadata": {"namespace": pod.namespace, "name": pod.name, "uid": pod.uid},
            "target": {"kind": "Node", "name": node_name},
        }
        await self._client.create(PODS, binding, pod.namespace, name=pod.name, subresource="binding")
