"""Whether a ServiceCIDR may go, and what its condition says. Pure. Rules: kubernetes/pkg/controller/servicecidrs."""

import ipaddress
from collections.abc import Iterable, Iterator, Sequence

from minik.api.types import Obj
from minik.server.controllers.objects import labels_of

FINALIZER = "networking.k8s.io/service-cidr-finalizer"
DEFAULT = "kubernetes"
MANAGED_BY, ALLOCATOR = "ipaddress.kubernetes.io/managed-by", "ipallocator.k8s.io"
STILL_USED = "There are still IPAddresses referencing the ServiceCIDR, please remove them or create a new ServiceCIDR"
READY: Obj = {"type": "Ready", "status": "True", "reason": "", "message": "Kubernetes Service CIDR is ready"}
TERMINATING: Obj = {"type": "Ready", "status": "False", "reason": "Terminating", "message": STILL_USED}

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def networks_of(service_cidr: Obj) -> Iterator[Network]:
    for text in service_cidr["spec"].get("cidrs") or ():
        yield ipaddress.ip_network(text, strict=False)


def is_orphaning(service_cidr: Obj, others: Sequence[Obj], addresses: Iterable[Obj]) -> bool:
    """Whether addresses in use would belong to no ServiceCIDR without this one."""
    networks = [*networks_of(service_cidr)]
    around = [network for other in others for network in networks_of(other)]
    if all(any(_is_inside(network, other) for other in around) for network in networks):
        return False
    for claimed in addresses:
        if labels_of(claimed).get(MANAGED_BY) != ALLOCATOR:
            continue
        address = ipaddress.ip_address(claimed["metadata"]["name"])
        if any(_gives(network, address) for network in networks) and not any(_gives(n, address) for n in around):
            return True
    return False


def gives(service_cidrs: Iterable[Obj], address: str) -> bool:
    """Whether an address lies in one of the ServiceCIDRs."""
    wanted = ipaddress.ip_address(address)
    return any(_gives(network, wanted) for each in service_cidrs for network in networks_of(each))


def _is_inside(network: Network, other: Network) -> bool:
    return network.version == other.version and network.overlaps(other) and network.prefixlen >= other.prefixlen


def _gives(network: Network, address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    """The network's own address and IPv4's broadcast address are nobody's."""
    if address.version != network.version or address not in network or address == network.network_address:
        return False
    return address.version == 6 or address != network.broadcast_address
