"""Repairs what Services and their IPAddresses disagree about, and tells of node ports that nobody can repair.

Upstream's API server does this in loops of minutes; here a change of either wakes it.
https://kubernetes.io/docs/reference/networking/virtual-ips/#ip-address-objects
"""

from collections.abc import Iterable

from minik.api.status import StatusError
from minik.api.types import Obj
from minik.client.client import Client
from minik.client.clock import parse_time
from minik.client.controller import Controller
from minik.client.events import WARNING, object_reference
from minik.client.informer import Change, object_key
from minik.client.resources import IP_ADDRESSES, SERVICE_CIDRS, SERVICES
from minik.server.controllers import service_repair_plan as plan
from minik.server.controllers.context import ControllerContext

_SERVICE, _ADDRESS, _PORTS = "service:", "address:", "ports"
_SETTLE = 1.0  # seconds: Services and their IPAddresses reach the caches one after the other


class ServiceRepairController(Controller):
    """Keys are "service:<namespace>/<name>", "address:<address>" and "ports"."""

    name = "service-repair-controller"
    workers = 1

    def __init__(self, context: ControllerContext) -> None:
        super().__init__(clock=context.clock)
        self._client: Client = context.client_for(self.name)
        self._recorder = context.events.recorder("ipallocator-repair-controller")
        self._port_recorder = context.events.recorder("portallocator-repair-controller")
        self._port_range = context.settings.service_node_port_range
        self._complained: set[tuple[str, str]] = set()  # what was told about ports already
        informers = context.informers
        self._services = self.watch(informers.of(SERVICES), self._keys_of_service)
        self._addresses = self.watch(informers.of(IP_ADDRESSES), self._keys_of_address)
        self._cidrs = self.watch(informers.of(SERVICE_CIDRS), None)

    def _keys_of_service(self, change: Change) -> Iterable[str]:
        """Checked a moment later, when the IPAddress had its time to arrive."""
        old, new = change.old, change.new
        before = (plan.addresses_of(old), plan.node_ports_of(old)) if old is not None else ((), ())
        after = (plan.addresses_of(new), plan.node_ports_of(new)) if new is not None else ((), ())
        if before != after:
            self.queue.add_after(_SERVICE + object_key(change.obj), _SETTLE)
            for address in before[0]:
                self.queue.add_after(_ADDRESS + address, _SETTLE)
        if before[1] != after[1]:
            self.queue.add_after(_PORTS, _SETTLE)
        return ()

    def _keys_of_address(self, change: Change) -> Iterable[str]:
        parent = change.obj["spec"]["parentRef"]
        self.queue.add_after(_ADDRESS + change.obj["metadata"]["name"], _SETTLE)
        if change.old is not None and parent.get("resource") == "services":
            self.queue.add_after(f"{_SERVICE}{parent.get('namespace', '')}/{parent['name']}", _SETTLE)
        return ()

    async def reconcile(self, key: str) -> float | None:
        if key == _PORTS:
            self._check_ports()
        elif key.startswith(_ADDRESS):
            return await self._check_address(key.removeprefix(_ADDRESS))
        else:
            await self._check_service(key.removeprefix(_SERVICE))
        return None

    async def _check_service(self, key: str) -> None:
        service = self._services.get_key(key)
        if service is None:
            return
        findings = [*plan.check_service(service, self._cidrs.list(), self._addresses.get, self._find_service)]
        for finding in findings:
            if finding.reason:
                about = object_reference("v1", "Service", service)
                self._recorder.event(about, WARNING, finding.reason, finding.message, action="ClusterIPAllocation")
            if finding.repair is plan.Repair.REPLACE:
                await self._delete(finding.address)
            if finding.repair is not plan.Repair.NOTHING:
                await self._client.create(IP_ADDRESSES, plan.address_object(finding.address, service))

    async def _check_address(self, address: str) -> float | None:
        claimed = self._addresses.get(address)
        if claimed is None:
            return None
        created = parse_time(claimed["metadata"]["creationTimestamp"])
        age = (self.clock.now() - created).total_seconds()
        verdict = plan.check_address(claimed, self._find_service, age)
        if verdict.reason:
            about = object_reference("networking.k8s.io/v1", "IPAddress", claimed)
            self._recorder.event(about, WARNING, verdict.reason, verdict.message, action="IPAddressAllocation")
            await self._delete(address)
        return verdict.wait

    def _check_ports(self) -> None:
        found = set()
        for service, reason, message in plan.check_node_ports(self._services.list(), self._port_range):
            found.add((object_key(service), message))
            if (object_key(service), message) not in self._complained:
                self._port_recorder.event(object_reference("v1", "Service", service), WARNING, reason, message)
        self._complained = found

    def _find_service(self, namespace: str, name: str) -> Obj | None:
        return self._services.get(name, namespace)

    async def _delete(self, address: str) -> None:
        try:
            await self._client.delete(IP_ADDRESSES, address)
        except StatusError as error:
            if error.code != 404:
                raise
