"""Which nodes' addresses a Service of type LoadBalancer gets from ServiceLB. Pure.

A node gives its addresses when it is chosen by label, and nothing else there listens on the Service's ports. The
rules are k3s's: https://docs.k3s.io/networking/networking-services#service-load-balancer
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from minik.api.types import Obj
from minik.server.controllers.objects import labels_of
from minik.server.controllers.pods import is_finished, node_name

ENABLE_LABEL = "servicelb.minik.io/enable"  # on nodes: once one has it, only those that say "true" serve
POOL_LABEL = "servicelb.minik.io/pool"  # on nodes and Services: who serves whom

Port = tuple[str, int]  # (protocol, number)


@dataclass(frozen=True, slots=True)
class Held:
    """What one Service's load balancer occupies: its ports at these addresses."""

    ports: frozenset[Port]
    addresses: frozenset[str]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What else is on the nodes. `host_ports` is by node, `held` by Service key."""

    host_ports: Mapping[str, frozenset[Port]] = field(default_factory=dict)
    node_ports: frozenset[Port] = frozenset()  # every node listens on them
    api_servers: frozenset[tuple[str, int]] = frozenset()  # (address, port)
    held: Mapping[str, Held] = field(default_factory=dict)


def ports_of(service: Obj) -> frozenset[Port]:
    return frozenset((port.get("protocol", "TCP"), port["port"]) for port in service["spec"].get("ports") or ())


def held_by(service: Obj) -> Held:
    """What the Service's status says that it occupies."""
    ingress = (service.get("status") or {}).get("loadBalancer", {}).get("ingress") or ()
    return Held(ports_of(service), frozenset(item["ip"] for item in ingress if item.get("ip")))


def addresses_for(
    key: str,
    service: Obj,
    nodes: Sequence[Obj],
    surroundings: Surroundings,
    *,
    endpoint_nodes: Iterable[str] = (),
) -> list[str]:
    """The ingress addresses, by node name. `endpoint_nodes` have ready endpoints of the Service.

    With externalTrafficPolicy Local only those serve, since others would have to drop the traffic.
    """
    local = service["spec"].get("externalTrafficPolicy") == "Local"
    serving = {*endpoint_nodes}
    found: list[str] = []
    for node in _chosen(service, nodes):
        if local and node["metadata"]["name"] not in serving:
            continue
        addresses = _addresses(node, service["spec"].get("ipFamilies") or ("IPv4",))
        if addresses and not _is_taken(key, ports_of(service), node, addresses, surroundings):
            found += [address for address in addresses if address not in found]
    return found


def status_of(addresses: Iterable[str]) -> Obj:
    """Service.status.loadBalancer. Mode VIP: packets arrive with the address, and kube-proxy sends them on."""
    ingress = [{"ip": address, "ipMode": "VIP"} for address in addresses]
    return {"ingress": ingress} if ingress else {}


def _chosen(service: Obj, nodes: Sequence[Obj]) -> Sequence[Obj]:
    if any(ENABLE_LABEL in labels_of(node) for node in nodes):
        nodes = [node for node in nodes if labels_of(node).get(ENABLE_LABEL) == "true"]
    pool = labels_of(service).get(POOL_LABEL)
    return [node for node in nodes if labels_of(node).get(POOL_LABEL) == pool] if pool else nodes


def _addresses(node: Obj, families: Sequence[str]) -> list[str]:
    """The node's external addresses, or its internal ones if it has none; of the Service's families, in their order."""
    listed = (node.get("status") or {}).get("addresses") or ()
    for kind in ("ExternalIP", "InternalIP"):
        of_kind = [str(each["address"]) for each in listed if each["type"] == kind]
        found = [a for family in families for a in of_kind if (":" in a) == (family == "IPv6")]
        if found:
            return found
    return []


def _is_taken(key: str, ports: frozenset[Port], node: Obj, addresses: Sequence[str], around: Surroundings) -> bool:
    kubelet = ((node.get("status") or {}).get("daemonEndpoints") or {}).get("kubeletEndpoint") or {}
    occupied = around.node_ports | around.host_ports.get(node["metadata"]["name"], frozenset())
    if kubelet.get("Port"):
        occupied |= {("TCP", kubelet["Port"])}
    if ports & occupied:
        return True
    own = {str(each["address"]) for each in (node.get("status") or {}).get("addresses") or ()}
    if any(address in own and ("TCP", number) in ports for address, number in around.api_servers):
        return True
    return any(
        other != key and held.ports & ports and held.addresses & {*addresses} for other, held in around.held.items()
    )


def host_ports(pods: Iterable[Obj]) -> dict[str, frozenset[Port]]:
    """The ports that Pods listen on at their nodes."""
    found: dict[str, set[Port]] = {}
    for pod in pods:
        if node_name(pod) and not is_finished(pod) and (ports := pod_host_ports(pod)):
            found.setdefault(node_name(pod), set()).update(ports)
    return {node: frozenset(ports) for node, ports in found.items()}


def pod_host_ports(pod: Obj) -> frozenset[Port]:
    return frozenset(
        (port.get("protocol", "TCP"), port["hostPort"])
        for container in (*(pod["spec"].get("containers") or ()), *(pod["spec"].get("initContainers") or ()))
        for port in container.get("ports") or ()
        if port.get("hostPort")
    )


def node_ports(services: Iterable[Obj]) -> frozenset[Port]:
    return frozenset(
        (port.get("protocol", "TCP"), port["nodePort"])
        for service in services
        for port in service["spec"].get("ports") or ()
        if port.get("nodePort")
    )


def ready_nodes(slices: Iterable[Obj]) -> set[str]:
    """The nodes of the ready endpoints."""
    return {
        endpoint["nodeName"]
        for each in slices
        for endpoint in each.get("endpoints") or ()
        if endpoint.get("nodeName") and (endpoint.get("conditions") or {}).get("ready") is not False
    }
