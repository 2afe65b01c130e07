"""Cluster IPs: addresses of the service ranges, which ServiceCIDRs add to.

https://kubernetes.io/docs/concepts/services-networking/cluster-ip-allocation/
"""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass

from minik.server.apiserver.allocators.pool import (
    ExhaustedError,
    NumberPool,
    OutOfRangeError,
    TakenError,
    reserved_size,
)

IPV4, IPV6 = "IPv4", "IPv6"


def family_of(address: str) -> str:
    return IPV6 if ":" in address else IPV4


class AllocationError(Exception):
    """Why an address cannot be had, in upstream's words."""


class AllocatedError(AllocationError):
    """Somebody has the address already."""


@dataclass(frozen=True, slots=True)
class Range:
    """One CIDR of a ServiceCIDR. `ready`: new addresses may come from it."""

    cidr: str
    ready: bool = True


class ClusterIps:
    """The service ranges: one per family by the server's flags, further ones by ServiceCIDRs (`use`).

    The first range given is of the cluster's default family.
    """

    def __init__(self, cidrs: Sequence[str]) -> None:
        self._first = [ipaddress.ip_network(cidr) for cidr in cidrs]
        self._taken: dict[str, set[int]] = {IPV4: set(), IPV6: set()}
        self._ranges: Sequence[Range] = ()
        self._pools: dict[str, list[NumberPool]] = {}
        self.use([Range(cidr) for cidr in cidrs])

    @property
    def families(self) -> list[str]:
        return [f"IPv{network.version}" for network in self._first]

    def use(self, ranges: Sequence[Range]) -> None:
        """Give addresses from these ranges from now on. What is taken stays so."""
        if ranges == self._ranges:
            return
        self._ranges, self._pools = ranges, {}
        for cidr in dict.fromkeys(each.cidr for each in ranges if each.ready):
            pool = self._pool_of(ipaddress.ip_network(cidr, strict=False))
            self._pools.setdefault(family_of(cidr), []).append(pool)

    def _pool_of(self, network: ipaddress.IPv4Network | ipaddress.IPv6Network) -> NumberPool:
        base = int(network.network_address)
        last = int(network.broadcast_address) - (1 if network.version == 4 else 0)
        last = min(last, base + 2**16 - 1) if network.version == 6 else last
        return NumberPool(base + 1, last, reserved_size(last - base), self._taken[f"IPv{network.version}"])

    def take(self, address: str, *, dry_run: bool = False) -> None:
        """Raises AllocationError. A dry run looks at one range only, as upstream's."""
        number = int(ipaddress.ip_address(address))
        pools = self._pools.get(family_of(address), [])
        try:
            next((pool for pool in pools if number in pool), NumberPool(1, 0, 0)).take(number)
        except OutOfRangeError:
            if not dry_run:
                raise AllocationError("the provided network does not match the current range") from None
            cidr = next((each.cidr for each in self._ranges if family_of(each.cidr) == family_of(address)), "")
            raise AllocationError(
                f"the provided IP ({address}) is not in the valid range. The range of valid IPs is {cidr}"
            ) from None
        except TakenError:
            raise AllocatedError("provided IP is already allocated") from None

    def take_next(self, family: str) -> str:
        """Raises AllocationError."""
        for pool in self._pools.get(family, ()):
            try:
                return str(ipaddress.ip_address(pool.take_next()))
            except ExhaustedError:
                continue
        raise AllocationError("range is full")

    def remember(self, address: str) -> None:
        """Count an address as taken that is in use already, wherever it lies."""
        self._taken[family_of(address)].add(int(ipaddress.ip_address(address)))

    def release(self, address: str) -> None:
        self._taken[family_of(address)].discard(int(ipaddress.ip_address(address)))
