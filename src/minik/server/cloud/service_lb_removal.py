"""Takes back what ServiceLB gave, once it is disabled: its addresses, and the finalizer that nobody else would remove.

A Service is taken for ServiceLB's when all its addresses are those of nodes; others belong to a cloud's controller.
"""

from collections.abc import Iterable

from minik.api.types import Obj
from minik.client.client import STRATEGIC_MERGE_PATCH, Client
from minik.client.controller import Controller
from minik.client.informer import Change, object_key
from minik.client.resources import NODES, SERVICES
from minik.server.cloud.service_lb_plan import held_by
from minik.server.cloud.service_plan import FINALIZER, has_finalizer
from minik.server.controllers.context import ControllerContext


class ServiceLbRemoval(Controller):
    name = "servicelb-removal"
    workers = 1

    def __init__(self, context: ControllerContext) -> None:
        super().__init__(clock=context.clock)
        self._client: Client = context.client_for("service-controller")
        self._nodes = self.watch(context.informers.of(NODES), None)
        self._services = self.watch(context.informers.of(SERVICES), _finalized)

    async def reconcile(self, key: str) -> float | None:
        service = self._services.get_key(key)
        if service is None or not has_finalizer(service) or not is_from_nodes(service, self._nodes.list()):
            return None
        metadata = service["metadata"]
        name, namespace, uid = metadata["name"], metadata["namespace"], metadata["uid"]
        for patch, subresource in (
            ({"metadata": {"uid": uid}, "status": {"loadBalancer": {"ingress": None}}}, "status"),
            ({"metadata": {"uid": uid, "$deleteFromPrimitiveList/finalizers": [FINALIZER]}}, ""),
        ):
            await self._client.patch(
                SERVICES, name, patch, namespace, patch_type=STRATEGIC_MERGE_PATCH, subresource=subresource
            )
        return None


def is_from_nodes(service: Obj, nodes: Iterable[Obj]) -> bool:
    own = {each["address"] for node in nodes for each in (node.get("status") or {}).get("addresses") or ()}
    given = held_by(service).addresses
    return bool(given) and given <= own


def _finalized(change: Change) -> Iterable[str]:
    if change.new is not None and has_finalizer(change.new):
        yield object_key(change.new)
