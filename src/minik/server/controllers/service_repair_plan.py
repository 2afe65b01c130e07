"""What is wrong between Services, their addresses and their node ports. Pure.

Rules and texts: kubernetes/pkg/registry/core/service/ipallocator/controller and portallocator/controller.
"""

import ipaddress
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum

from minik.api.types import Obj
from minik.server.controllers.objects import labels_of
from minik.server.controllers.service_cidrs_plan import ALLOCATOR, MANAGED_BY, gives

FAMILY = "ipaddress.kubernetes.io/ip-family"
LEAK_GRACE = 60.0  # seconds an IPAddress may be there before its Service


class Repair(Enum):
    NOTHING = "nothing"  # only a person can help
    CREATE = "create"
    REPLACE = "replace"


@dataclass(frozen=True, slots=True)
class Finding:
    """An Event (`reason` "": none), and what to do about the address."""

    repair: Repair
    address: str
    reason: str = ""
    message: str = ""


def addresses_of(service: Obj) -> Sequence[str]:
    spec = service["spec"]
    if spec.get("type") == "ExternalName" or spec.get("clusterIP") in (None, "", "None"):
        return ()
    return [text for text in spec.get("clusterIPs") or () if text]


def check_service(
    service: Obj,
    service_cidrs: Sequence[Obj],
    claimed: Callable[[str], Obj | None],
    find_service: Callable[[str, str], Obj | None],
) -> Iterator[Finding]:
    """`claimed(address)` is the IPAddress; `find_service(namespace, name)` a Service."""
    metadata = service["metadata"]
    who = f"Service {metadata['namespace']}/{metadata['name']}"
    for text in addresses_of(service):
        try:
            address = str(ipaddress.ip_address(text))
        except ValueError:
            yield Finding(
                Repair.NOTHING,
                text,
                "ClusterIPNotValid",
                f"Cluster IP {text} is not a valid IP; please recreate Service",
            )
            continue
        family = _family(address)
        if not gives(service_cidrs, address):
            message = (
                f"Cluster IP [{family}]: {address} is not within any configured Service CIDR; please recreate service"
            )
            yield Finding(Repair.NOTHING, address, "ClusterIPOutOfRange", message)
            continue
        found = claimed(address)
        if found is None:
            message = f"Cluster IP [{family}]: {address} is not allocated; repairing"
            yield Finding(Repair.CREATE, address, "ClusterIPNotAllocated", message)
            continue
        wrong = f"the ClusterIP [{family}]: {address} for {who} has a wrong reference; repairing"
        parent = found["spec"]["parentRef"]
        if not _is_service(parent):
            yield Finding(Repair.REPLACE, address, "ClusterIPNotAllocated", wrong)
            continue
        if (parent.get("namespace"), parent["name"]) != (metadata["namespace"], metadata["name"]):
            other = find_service(parent.get("namespace", ""), parent["name"])
            if other is None:
                yield Finding(Repair.REPLACE, address, "ClusterIPNotAllocated", wrong)
            elif address in addresses_of(other):
                message = f"Cluster IP [{family}]:{address} was assigned to multiple services; please recreate service"
                yield Finding(Repair.NOTHING, address, "ClusterIPAlreadyAllocated", message)
            continue
        if not _is_labelled(found):
            yield Finding(Repair.REPLACE, address)


@dataclass(frozen=True, slots=True)
class Verdict:
    """Of an IPAddress. `wait`: seconds until it can be judged; with a reason it goes now."""

    reason: str = ""
    message: str = ""
    wait: float | None = None


def check_address(claimed: Obj, find_service: Callable[[str, str], Obj | None], age: float) -> Verdict:
    """Only those that the allocator made are looked at. `age` in seconds."""
    if labels_of(claimed).get(MANAGED_BY) != ALLOCATOR:
        return Verdict()
    name, parent = claimed["metadata"]["name"], claimed["spec"]["parentRef"]
    if not _is_service(parent):
        shown = " ".join(str(parent.get(field, "")) for field in ("group", "resource", "namespace", "name"))
        message = f"IPAddress {name} appears to have been modified, not referencing a Service {{{shown}}}: cleaning up"
        return Verdict("IPAddressNotAllocated", message)
    namespace, service_name = parent.get("namespace", ""), parent["name"]
    service = find_service(namespace, service_name)
    what = f"IPAddress: {name} for Service {namespace}/{service_name}"
    if service is None:
        if age <= LEAK_GRACE:
            return Verdict(wait=LEAK_GRACE - age + 0.1)
        return Verdict("IPAddressNotAllocated", f"{what} appears to have leaked: cleaning up")
    if name not in addresses_of(service):
        return Verdict("IPAddressWrongReference", f"{what} has a wrong reference; cleaning up")
    return Verdict()


def check_node_ports(services: Iterable[Obj], port_range: str) -> Iterator[tuple[Obj, str, str]]:
    """(Service, reason, message) of the node ports that cannot be its."""
    first, _, last = port_range.partition("-")
    taken: set[int] = set()
    for service in services:
        for port in node_ports_of(service):
            if not int(first) <= port <= int(last):
                message = f"Port {port} is not within the port range {port_range}; please recreate service"
                yield service, "PortOutOfRange", message
            elif port in taken:
                message = f"Port {port} was assigned to multiple services; please recreate service"
                yield service, "PortAlreadyAllocated", message
            taken.add(port)


def node_ports_of(service: Obj) -> Sequence[int]:
    """A port that several protocols share counts once."""
    seen: dict[int, set[str]] = {}
    found: list[int] = []
    for port in service["spec"].get("ports") or ():
        number, protocol = port.get("nodePort") or 0, port.get("protocol", "TCP")
        if not number:
            continue
        if number not in seen or protocol in seen[number]:
            found.append(number)
        seen.setdefault(number, set()).add(protocol)
    health = service["spec"].get("healthCheckNodePort") or 0
    if health and (health not in seen or "TCP" in seen[health]):
        found.append(health)
    return found


def address_object(address: str, service: Obj) -> Obj:
    metadata = service["metadata"]
    parent = {"resource": "services", "namespace": metadata["namespace"], "name": metadata["name"]}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "IPAddress",
        "metadata": {"name": address, "labels": {FAMILY: _family(address), MANAGED_BY: ALLOCATOR}},
        "spec": {"parentRef": parent},
    }


def _family(address: str) -> str:
    return "IPv6" if ":" in address else "IPv4"


def _is_service(parent: Obj) -> bool:
    return not parent.get("group") and parent.get("resource") == "services"


def _is_labelled(claimed: Obj) -> bool:
    labels = labels_of(claimed)
    return labels.get(FAMILY) == _family(claimed["metadata"]["name"]) and labels.get(MANAGED_BY) == ALLOCATOR
