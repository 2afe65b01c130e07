"""Initialises nodes that came with the `uninitialized` taint, and keeps their addresses as the cloud has them.

https://kubernetes.io/docs/concepts/architecture/cloud-controller/#node-controller
"""

from collections.abc import Iterable

from minik.api.types import Obj
from minik.client.client import STRATEGIC_MERGE_PATCH, Client
from minik.client.controller import Controller
from minik.client.events import NORMAL, object_reference
from minik.client.informer import Change
from minik.client.resources import NODES
from minik.server.cloud import node_plan as plan
from minik.server.cloud.provider import Instances
from minik.server.controllers.context import ControllerContext

RETRY = 5.0  # seconds until a node the cloud does not know yet is asked for again


class CloudNodeController(Controller):
    name = "cloud-node-controller"
    workers = 1

    def __init__(self, context: ControllerContext, instances: Instances) -> None:
        super().__init__(clock=context.clock)
        self._client: Client = context.client_for(self.name)
        self._recorder = context.events.recorder(self.name)
        self._instances = instances
        self._nodes = self.watch(context.informers.of(NODES), _uninitialized)

    async def reconcile(self, key: str) -> float | None:
        node = self._nodes.get(key)
        if node is None or not plan.is_uninitialized(node):
            return None
        instance = await self._instances.metadata(node)
        addresses = plan.addresses(node, instance)
        updated = await self._client.update(NODES, plan.initialized(node, instance))
        if addresses is not None:
            patch = {"status": {"addresses": [{"$patch": "replace"}, *addresses]}}
            await self._client.patch(NODES, key, patch, patch_type=STRATEGIC_MERGE_PATCH, subresource="status")
        self._tell(updated)
        return None

    def _tell(self, node: Obj) -> None:
        self._recorder.event(object_reference("v1", "Node", node), NORMAL, "Synced", "Node synced successfully")


def _uninitialized(change: Change) -> Iterable[str]:
    if change.new is not None and plan.is_uninitialized(change.new):
        yield change.new["metadata"]["name"]
