"""Keeps the load balancers of Services: makes, updates and deletes them, and writes their addresses into the status.

What was made is remembered by its blueprint, so that only what matters to a load balancer reaches the provider.
https://kubernetes.io/docs/concepts/services-networking/service/#loadbalancer
"""

from collections.abc import Iterable, Mapping

from minik.api.types import Obj
from minik.client.client import STRATEGIC_MERGE_PATCH, Client
from minik.client.controller import Controller
from minik.client.events import NORMAL, WARNING, object_reference
from minik.client.informer import Change, object_key
from minik.client.resources import NODES, SERVICES
from minik.server.cloud import service_plan as plan
from minik.server.cloud.provider import CloudError, LoadBalancers, UnavailableError
from minik.server.controllers.context import ControllerContext

FIRST_BACKOFF, LONGEST_BACKOFF = 5.0, 300.0  # seconds between attempts, as upstream


class ServiceLoadBalancerController(Controller):
    name = "service-lb-controller"
    workers = 1

    def __init__(self, context: ControllerContext, balancers: LoadBalancers) -> None:
        super().__init__(clock=context.clock)
        self._client: Client = context.client_for("service-controller")
        self._recorder = context.events.recorder("service-controller")
        self._balancers = balancers
        self._made: dict[str, Obj] = {}  # key -> the Service as its load balancer was made from
        self._hosts: dict[str, object] = {}  # key -> the nodes it was made with
        self._failures: dict[str, int] = {}
        self._nodes = self.watch(context.informers.of(NODES), self._keys_of_node)
        self._services = self.watch(context.informers.of(SERVICES), self._keys_of_service)
        balancers.watch(self._refresh)

    def _keys_of_service(self, change: Change) -> Iterable[str]:
        if change.old is not None and change.new is not None:
            for reason, text in plan.changes(change.old, change.new):
                self._tell(change.new, NORMAL, reason, text)
        known = object_key(change.obj) in self._made
        if known or (change.new is not None and plan.wanted_by(change.new)):
            yield object_key(change.obj)

    def _keys_of_node(self, change: Change) -> Iterable[str]:
        before = plan.node_facts(change.old) if change.old is not None else None
        after = plan.node_facts(change.new) if change.new is not None else None
        if before != after:
            yield from {*self._made, *self._failures}

    def _refresh(self, key: str) -> None:
        self._hosts.pop(key, None)
        self.queue.add(key)

    async def reconcile(self, key: str) -> float | None:
        service, made = self._services.get_key(key), self._made.get(key)
        if made is not None and (service is None or service["metadata"]["uid"] != made["metadata"]["uid"]):
            await self._balancers.ensure_deleted(made)  # it went without waiting for its finalizer
            self._forget(key)
        if service is None:
            return None
        try:
            if not plan.wants_load_balancer(service) or plan.needs_cleanup(service):
                await self._clean_up(service)
                self._forget(key)
            else:
                await self._keep(key, service)
        except CloudError as error:
            self._tell(service, WARNING, "SyncLoadBalancerFailed", f"Error syncing load balancer: {error}")
            failures = self._failures[key] = self._failures.get(key, 0) + 1
            if isinstance(error, UnavailableError):
                return None
            return float(min(FIRST_BACKOFF * 2 ** min(failures - 1, 10), LONGEST_BACKOFF))
        self._failures.pop(key, None)
        return None

    async def _keep(self, key: str, service: Obj) -> None:
        made = self._made.get(key)
        nodes = plan.eligible_nodes(self._nodes.list())
        hosts = [plan.node_facts(node) for node in nodes]
        if made is None or plan.blueprint(made) != plan.blueprint(service):
            await self._ensure(service, nodes)
        elif self._hosts.get(key) != hosts:
            await self._update(service, nodes)
        self._made[key], self._hosts[key] = service, hosts

    async def _ensure(self, service: Obj, nodes: Iterable[Obj]) -> None:
        self._tell(service, NORMAL, "EnsuringLoadBalancer", "Ensuring load balancer")
        if not plan.has_finalizer(service):
            await self._patch(service, {"finalizers": [plan.FINALIZER]}, {})
        listed = [*nodes]
        if not listed:
            text = "There are no available nodes for LoadBalancer"
            self._tell(service, WARNING, "UnAvailableLoadBalancer", text)
        try:
            status = await self._balancers.ensure(service, listed)
        except CloudError as error:
            if isinstance(error, UnavailableError):
                await self._set_status(service, {})
            raise type(error)(f"failed to ensure load balancer: {error}") from error
        await self._set_status(service, status)
        self._tell(service, NORMAL, "EnsuredLoadBalancer", "Ensured load balancer")

    async def _update(self, service: Obj, nodes: Iterable[Obj]) -> None:
        listed = [*nodes]
        try:
            status = await self._balancers.update(service, listed)
        except CloudError as error:
            names = " ".join(str(node["metadata"]["name"]) for node in listed)
            text = f"Error updating load balancer with new hosts [{names}]: {error}"
            self._tell(service, WARNING, "UpdateLoadBalancerFailed", text)
            if isinstance(error, UnavailableError):
                await self._set_status(service, {})
            raise
        if await self._set_status(service, status):
            self._tell(service, NORMAL, "UpdatedLoadBalancer", "Updated load balancer with new hosts")

    async def _clean_up(self, service: Obj) -> None:
        if not plan.has_finalizer(service):
            return
        if await self._balancers.exists(service):
            self._tell(service, NORMAL, "DeletingLoadBalancer", "Deleting load balancer")
            try:
                await self._balancers.ensure_deleted(service)
            except CloudError as error:
                raise CloudError(f"failed to delete load balancer: {error}") from error
        if service["metadata"].get("deletionTimestamp") is None:
            await self._set_status(service, {})
        await self._patch(service, {"$deleteFromPrimitiveList/finalizers": [plan.FINALIZER]}, {})
        self._tell(service, NORMAL, "DeletedLoadBalancer", "Deleted load balancer")

    def _forget(self, key: str) -> None:
        self._made.pop(key, None)
        self._hosts.pop(key, None)
        self._failures.pop(key, None)

    async def _set_status(self, service: Obj, balancer: Obj) -> bool:
        """Whether it was another one."""
        present = (service.get("status") or {}).get("loadBalancer") or {}
        if present == balancer:
            return False
        wanted = balancer if balancer else {"ingress": None}
        await self._patch(service, {}, {"status": {"loadBalancer": wanted}}, subresource="status")
        return True

    async def _patch(self, service: Obj, metadata: Mapping[str, object], rest: Obj, subresource: str = "") -> None:
        about = service["metadata"]
        patch = {"metadata": {"uid": about["uid"], **metadata}, **rest}
        await self._client.patch(
            SERVICES,
            about["name"],
            patch,
            about["namespace"],
            patch_type=STRATEGIC_MERGE_PATCH,
            subresource=subresource,
        )

    def _tell(self, service: Obj, kind: str, reason: str, text: str) -> None:
        self._recorder.event(object_reference("v1", "Service", service), kind, reason, text)
