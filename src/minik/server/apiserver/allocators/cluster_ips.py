"""Cluster IPs: addresses of the service ranges, and the IPAddress objects that show who has which.

https://kubernetes.io/docs/concepts/services-networking/cluster-ip-allocation/
"""

import ipaddress
from collections.abc import Sequence

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


class ClusterIps:
    """The service ranges, one per family; the first is the cluster's default family."""

    def __init__(self, cidrs: Sequence[str]) -> None:
        self._networks = [ipaddress.ip_network(cidr) for cidr in cidrs]
        self._pools: dict[str, NumberPool] = {}
        for network in self._networks:
            base = int(network.network_address)
            last = int(network.broadcast_address) - (1 if network.version == 4 else 0)
            last = min(last, base + 2**16 - 1) if network.version == 6 else last
            size = last - base
            self._pools[f"IPv{network.version}"] = NumberPool(base + 1, last, reserved_size(size))

    @property
    def families(self) -> list[str]:
        return list(self._pools)

    def contains(self, address: str) -> bool:
        pool = self._pools.get(family_of(address))
        return pool is not None and int(ipaddress.ip_address(address)) in pool

    def take(self, address: str) -> None:
        """Raises AllocationError."""
        pool = self._pools[family_of(address)]
        try:
            pool.take(int(ipaddress.ip_address(address)))
        except OutOfRangeError:
            cidr = next(network for network in self._networks if f"IPv{network.version}" == family_of(address))
            raise AllocationError(
                f"the provided IP ({address}) is not in the valid range. The range of valid IPs is {cidr}"
            ) from None
        except TakenError:
            raise AllocationError("provided IP is already allocated") from None

    def take_next(self, family: str) -> str:
        """Raises AllocationError."""
        try:
            return str(ipaddress.ip_address(self._pools[family].take_next()))
        except ExhaustedError:
            raise AllocationError("range is full") from None

    def remember(self, address: str) -> None:
        """Count an address as taken that is in use already, wherever it lies."""
        pool = self._pools.get(family_of(address))
        number = int(ipaddress.ip_address(address))
        if pool is not None and number in pool and not pool.is_taken(number):
            pool.take(number)

    def release(self, address: str) -> None:
        pool = self._pools.get(family_of(address))
        if pool is not None:
            pool.release(int(ipaddress.ip_address(address)))
