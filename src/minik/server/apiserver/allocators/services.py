"""Gives Services their cluster IPs and node ports, and takes them back.

Called by the registry around every write of a Service (registry.Allocator). What is taken is kept in memory, rebuilt
from the Services at start; cluster IPs are also claimed as IPAddress objects, which settles races between servers.
Rules: upstream's pkg/registry/core/service/storage/alloc.go.
"""

import ipaddress
from collections.abc import Awaitable, Callable, Iterable, Sequence

from minik.api.groups.core.service_fields import (
    HEADLESS,
    is_headless,
    may_have_node_ports,
    needs_cluster_ip,
    needs_health_check_node_port,
    normalize_cluster_ips,
    patch_allocated_values,
)
from minik.api.status import StatusError, internal_error
from minik.api.types import GVR, Obj
from minik.api.validation import FieldError, invalid, invalid_value
from minik.server.apiserver.allocators.cluster_ips import AllocatedError, AllocationError, ClusterIps, Range
from minik.server.apiserver.allocators.ip_addresses import IpAddresses
from minik.server.apiserver.allocators.ip_families import set_ip_families, stays_preferred
from minik.server.apiserver.allocators.node_ports import NodePorts, PortClaim
from minik.server.apiserver.allocators.service_endpoints import ServiceEndpoints
from minik.server.apiserver.allocators.service_ports import (
    allocate_health_check_port,
    allocate_node_ports,
    update_node_ports,
)
from minik.server.apiserver.objects import Reader

SERVICES = GVR("", "v1", "services")
SERVICE_CIDRS = GVR("networking.k8s.io", "v1", "servicecidrs")
IP_ADDRESSES = GVR("networking.k8s.io", "v1", "ipaddresses")
_ATTEMPTS = 32  # addresses tried that turn out to be claimed by another server


class ServiceAllocator:
    """`addresses` writes the IPAddress objects; `endpoints` removes those of Services that are gone."""

    def __init__(
        self, ips: ClusterIps, ports: NodePorts, addresses: IpAddresses, endpoints: ServiceEndpoints | None = None
    ) -> None:
        self._ips = ips
        self._ports = ports
        self._addresses = addresses
        self._endpoints = endpoints
        self._objects: Reader | None = None

    def load(self, objects: Reader) -> None:
        """Take note of what the existing Services have. From now on ServiceCIDRs say which addresses there are."""
        self._objects = objects
        for claimed in objects.list(IP_ADDRESSES):
            self._ips.remember(claimed["metadata"]["name"])
        for service in objects.list(SERVICES):
            for address in _addresses(service):
                self._ips.remember(address)
            for port in _node_ports(service):
                self._ports.remember(port)

    async def allocate(self, new: Obj, old: Obj | None, *, dry_run: bool) -> Callable[[], Awaitable[None]] | None:
        """Fill in what the Service needs and lacks. Returns how to undo it. Raises StatusError."""
        if old is not None:
            patch_allocated_values(new, old)
        normalize_cluster_ips(new, old)
        if new["spec"].get("type") == "ExternalName":
            return None
        self._follow_ranges()
        errors = set_ip_families(new, old, self._ips.families)
        if errors:
            raise _invalid(new, errors)
        taken: list[str] = []
        claim = PortClaim(self._ports, dry_run=dry_run)

        async def undo() -> None:
            claim.give_back()
            for address in taken:
                self._ips.release(address)
                if not dry_run:
                    await self._addresses.remove(address)

        try:
            await self._allocate_addresses(new, old, taken, dry_run=dry_run)
            self._allocate_ports(new, old, claim)
        except BaseException:
            await undo()
            raise
        if dry_run:
            await undo()
            return None
        return undo

    def _follow_ranges(self) -> None:
        """Read at every use, which costs less than being told of what hardly ever changes."""
        ranges = [] if self._objects is None else ranges_of(self._objects.list(SERVICE_CIDRS))
        if ranges:
            self._ips.use(ranges)

    async def release(self, new: Obj | None, old: Obj) -> None:
        """Give back what `old` had and `new` (None: deleted) has not."""
        kept_ports = set(_node_ports(new)) if new is not None else set()
        for port in set(_node_ports(old)) - kept_ports:
            self._ports.release(port)
        kept = set(_addresses(new)) if new is not None else set()
        for address in set(_addresses(old)) - kept:
            self._ips.release(address)
            await self._addresses.remove(address)
        if new is None and self._endpoints is not None:
            await self._endpoints.remove(old["metadata"].get("namespace", ""), old["metadata"]["name"])

    async def _allocate_addresses(self, new: Obj, old: Obj | None, taken: list[str], *, dry_run: bool) -> None:
        """All of a new Service's, or the second of one that becomes dual-stack; nothing else changes addresses."""
        spec = new["spec"]
        families: list[str] = spec.get("ipFamilies") or []
        if old is None or old["spec"].get("type") == "ExternalName":
            lacking = [] if _starts_headless(new) else list(range(len(families)))
        elif stays_preferred(new, old) or _starts_headless(old):
            lacking = []
        else:
            lacking = [1] if len(old["spec"].get("ipFamilies") or ()) == 1 and len(families) == 2 else []
        if not lacking:
            return
        wanted: list[str] = list(spec.get("clusterIPs") or ())
        wanted += [""] * (lacking[-1] + 1 - len(wanted))
        for index in lacking:
            if wanted[index]:
                await self._take(new, wanted[index], wanted, taken, dry_run=dry_run)
        for index in lacking:
            if not wanted[index]:
                wanted[index] = await self._take_next(new, families[index], taken, dry_run=dry_run)
        spec["clusterIPs"] = wanted
        spec["clusterIP"] = wanted[0]

    async def _take(
        self, service: Obj, address: str, wanted: Sequence[str], taken: list[str], *, dry_run: bool
    ) -> None:
        try:
            self._ips.take(address, dry_run=dry_run)
        except AllocationError as error:
            if not isinstance(error, AllocatedError) or not self._is_forgotten(address):
                raise _not_allocated(service, wanted, address, str(error)) from None
        if not dry_run and not await self._addresses.add(address, service):
            # somebody else's: it stays counted as taken
            raise _not_allocated(service, wanted, address, "provided IP is already allocated")
        taken.append(address)

    def _is_forgotten(self, address: str) -> bool:
        """Whether what is counted as taken is nobody's any more: its IPAddress was deleted past this allocator."""
        if self._objects is None or self._objects.get(IP_ADDRESSES, address) is not None:
            return False
        return all(address not in _addresses(service) for service in self._objects.list(SERVICES))

    async def _take_next(self, service: Obj, family: str, taken: list[str], *, dry_run: bool) -> str:
        for _ in range(_ATTEMPTS):
            try:
                address = self._ips.take_next(family)
            except AllocationError as error:
                raise internal_error(f"failed to allocate a serviceIP: {error}") from None
            if dry_run or await self._addresses.add(address, service):
                taken.append(address)
                return address
            # another server has it: leave it counted as taken
        raise internal_error("failed to allocate a serviceIP: range is full")

    def _allocate_ports(self, new: Obj, old: Obj | None, claim: PortClaim) -> None:
        if may_have_node_ports(new):
            if old is None:
                allocate_node_ports(new, claim)
            else:
                update_node_ports(new, old, claim)
        if needs_health_check_node_port(new) and not (old is not None and needs_health_check_node_port(old)):
            allocate_health_check_port(new, claim)


def ranges_of(service_cidrs: Iterable[Obj]) -> list[Range]:
    """What may be given out: ServiceCIDRs that are going, or not ready, keep their addresses and give no new ones."""
    in_order = sorted(service_cidrs, key=lambda obj: (obj["metadata"]["name"] != "kubernetes", obj["metadata"]["name"]))
    ranges = [
        Range(cidr, _is_ready(obj) and "deletionTimestamp" not in obj["metadata"])
        for obj in in_order
        for cidr in obj["spec"].get("cidrs") or ()
    ]
    ready = {each.cidr for each in ranges if each.ready}
    return [Range(each.cidr, each.cidr in ready) for each in ranges]


def _is_ready(service_cidr: Obj) -> bool:
    """One that nobody judged yet counts as ready."""
    conditions = (service_cidr.get("status") or {}).get("conditions") or ()
    return all(condition["status"] == "True" for condition in conditions if condition["type"] == "Ready")


def _addresses(service: Obj) -> list[str]:
    if not needs_cluster_ip(service) or is_headless(service):
        return []
    return [address for address in service["spec"].get("clusterIPs") or () if _is_address(address)]


def _node_ports(service: Obj) -> list[int]:
    spec = service["spec"]
    ports = [port["nodePort"] for port in spec.get("ports") or () if port.get("nodePort")]
    if spec.get("healthCheckNodePort"):
        ports.append(spec["healthCheckNodePort"])
    return ports


def _starts_headless(service: Obj) -> bool:
    return bool((service["spec"].get("clusterIPs") or [""])[0] == HEADLESS)


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _not_allocated(service: Obj, wanted: Sequence[str], address: str, why: str) -> StatusError:
    error = invalid_value("spec.clusterIPs", list(wanted), f"failed to allocate IP {address}: {why}")
    return _invalid(service, [error])


def _invalid(service: Obj, errors: Sequence[FieldError]) -> StatusError:
    return invalid("", "Service", service["metadata"].get("name", ""), errors)
