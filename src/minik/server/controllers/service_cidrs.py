"""Keeps ServiceCIDRs for as long as Services have addresses of theirs, and says when they may be used.

The default one, `kubernetes`, is made again when it went. https://kubernetes.io/docs/tasks/network/extend-service-ip-ranges/
"""

from collections.abc import Iterable

from minik.api.status import StatusError
from minik.api.types import Obj
from minik.client.client import APPLY_PATCH, STRATEGIC_MERGE_PATCH, Client
from minik.client.clock import format_time, parse_time
from minik.client.controller import Controller
from minik.client.informer import Change
from minik.client.resources import IP_ADDRESSES, SERVICE_CIDRS
from minik.server.controllers import service_cidrs_plan as plan
from minik.server.controllers.context import ControllerContext
from minik.server.controllers.objects import condition_of, is_deleting

GRACE = 10.0  # seconds for allocators to hear that the ServiceCIDR goes, as upstream
MANAGER = "service-cidr-controller"


class ServiceCIDRController(Controller):
    name = "service-cidrs-controller"
    workers = 1

    def __init__(self, context: ControllerContext) -> None:
        super().__init__(clock=context.clock)
        self._client: Client = context.client_for(self.name)
        self._default = context.settings.service_cidrs
        self._cidrs = self.watch(context.informers.of(SERVICE_CIDRS), self._keys_of_cidr)
        self._addresses = self.watch(context.informers.of(IP_ADDRESSES), self._keys_of_address)

    def _keys_of_cidr(self, change: Change) -> Iterable[str]:
        yield change.obj["metadata"]["name"]
        yield from self._going()  # their addresses may have another home now

    def _keys_of_address(self, change: Change) -> Iterable[str]:
        return self._going() if change.new is None else ()

    def _going(self) -> Iterable[str]:
        return [each["metadata"]["name"] for each in self._cidrs.list() if is_deleting(each)]

    async def reconcile(self, key: str) -> float | None:
        service_cidr = self._cidrs.get(key)
        if service_cidr is None:
            if key == plan.DEFAULT:
                await self._make_default()
            return None
        if is_deleting(service_cidr):
            return await self._let_go(service_cidr)
        if plan.FINALIZER not in (service_cidr["metadata"].get("finalizers") or ()):
            await self._patch_finalizers(key, {"finalizers": [plan.FINALIZER]})
        ready = condition_of(service_cidr, "Ready")
        if ready is None or ready["status"] != "True":
            await self._set_condition(key, plan.READY)
        return None

    async def _let_go(self, service_cidr: Obj) -> float | None:
        metadata = service_cidr["metadata"]
        if plan.FINALIZER not in (metadata.get("finalizers") or ()):
            return None
        others = [each for each in self._cidrs.list() if each["metadata"]["name"] != metadata["name"]]
        if plan.is_orphaning(service_cidr, others, self._addresses.list()):
            ready = condition_of(service_cidr, "Ready")
            if ready is None or ready.get("reason") != plan.TERMINATING["reason"]:
                await self._set_condition(metadata["name"], plan.TERMINATING)
            return None
        gone_for = (self.clock.now() - parse_time(metadata["deletionTimestamp"])).total_seconds()
        if gone_for < GRACE:
            return GRACE - gone_for
        gone = {"$deleteFromPrimitiveList/finalizers": [plan.FINALIZER]}
        await self._patch_finalizers(metadata["name"], gone)
        return None

    async def _patch_finalizers(self, name: str, metadata: Obj) -> None:
        await self._client.patch(SERVICE_CIDRS, name, {"metadata": metadata}, patch_type=STRATEGIC_MERGE_PATCH)

    async def _make_default(self) -> None:
        wanted = {
            "apiVersion": SERVICE_CIDRS.api_version,
            "kind": "ServiceCIDR",
            "metadata": {"name": plan.DEFAULT},
            "spec": {"cidrs": list(self._default)},
        }
        try:
            await self._client.create(SERVICE_CIDRS, wanted)
        except StatusError as error:
            if error.reason != "AlreadyExists":
                raise

    async def _set_condition(self, name: str, condition: Obj) -> None:
        complete = {**condition, "lastTransitionTime": format_time(self.clock.now())}
        applied = {
            "apiVersion": SERVICE_CIDRS.api_version,
            "kind": "ServiceCIDR",
            "metadata": {"name": name},
            "status": {"conditions": [complete]},
        }
        await self._client.patch(
            SERVICE_CIDRS,
            name,
            applied,
            patch_type=APPLY_PATCH,
            subresource="status",
            field_manager=MANAGER,
            force=True,
        )
