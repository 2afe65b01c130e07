"""Deletes nodes whose instances the cloud no longer has, and marks those whose instances are shut down.

Only nodes that are not ready are asked about, every `MONITOR_PERIOD` while they are so; a healthy cluster asks nothing.
https://kubernetes.io/docs/concepts/architecture/cloud-controller/#node-controller
"""

from collections.abc import Iterable

from minik.api.types import Obj
from minik.client.client import Client
from minik.client.controller import Controller
from minik.client.events import NORMAL, object_reference
from minik.client.informer import Change
from minik.client.resources import NODES
from minik.server.cloud import node_plan as plan
from minik.server.cloud.provider import Instances
from minik.server.controllers.context import ControllerContext
from minik.server.controllers.node_health import ready_status

MONITOR_PERIOD = 5.0  # seconds, as upstream


class CloudNodeLifecycleController(Controller):
    name = "cloud-node-lifecycle-controller"
    workers = 1

    def __init__(self, context: ControllerContext, instances: Instances) -> None:
        super().__init__(clock=context.clock)
        self._client: Client = context.client_for(self.name)
        self._recorder = context.events.recorder(self.name)
        self._instances = instances
        self._nodes = self.watch(context.informers.of(NODES), _in_doubt)

    async def reconcile(self, key: str) -> float | None:
        node = self._nodes.get(key)
        if node is None or plan.is_uninitialized(node):
            return None
        if ready_status(node) == "True":
            await self._mark(node, shut_down=False)
            return None
        if not await self._instances.exists(node):
            text = f"Deleting node {key} because it does not exist in the cloud provider"
            self._recorder.event(object_reference("v1", "Node", node), NORMAL, "DeletingNode", text)
            await self._client.delete(NODES, key, uid=node["metadata"]["uid"])
            return None
        if await self._instances.is_shut_down(node):
            await self._mark(node, shut_down=True)
        return MONITOR_PERIOD

    async def _mark(self, node: Obj, *, shut_down: bool) -> None:
        changed = plan.with_shutdown_taint(node, shut_down=shut_down)
        if changed is not None:
            await self._client.update(NODES, changed)


def _in_doubt(change: Change) -> Iterable[str]:
    node = change.new
    if node is not None and (ready_status(node) != "True" or plan.is_marked_shut_down(node)):
        yield node["metadata"]["name"]
