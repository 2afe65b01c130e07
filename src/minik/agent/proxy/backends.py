"""Which endpoints answer a Service port: pure reading of Services and EndpointSlices.

Behaviour: https://kubernetes.io/docs/reference/networking/virtual-ips/ (traffic policies, terminating endpoints) and
https://kubernetes.io/docs/concepts/services-networking/topology-aware-routing/ (zone hints).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from minik.api.types import Obj

_FAMILY = {"ip": "IPv4", "ip6": "IPv6"}
_NOT_OURS = frozenset({"service.kubernetes.io/headless", "service.kubernetes.io/service-proxy-name"})


@dataclass(frozen=True, slots=True, order=True)
class Backend:
    """One address and port that traffic can be sent to."""

    address: str
    port: int
    local: bool  # on this node


@dataclass(frozen=True, slots=True)
class ServicePort:
    """One port of one Service in one address family, with who answers it."""

    key: str  # namespace/name
    port_name: str
    protocol: str  # tcp, udp, sctp
    port: int
    node_port: int
    cluster_ip: str
    external_ips: tuple[str, ...]
    load_balancer_ips: tuple[str, ...]
    load_balancer_source_ranges: tuple[str, ...]
    affinity_seconds: int  # 0: none
    internal_local: bool
    external_local: bool
    backends: tuple[Backend, ...]  # for traffic to any endpoint
    local_backends: tuple[Backend, ...]  # for traffic that must stay on the node


def service_ports(
    services: Iterable[Obj], slices: Iterable[Obj], *, family: str, node_name: str, zone: str = ""
) -> list[ServicePort]:
    """Every Service port with a cluster IP of this family ("ip" or "ip6"), sorted. Headless Services have none.

    Services that are labelled as headless or as another proxy's are left alone.
    """
    by_service = _slices_by_service(slices, _FAMILY[family])
    found = []
    for service in services:
        spec, meta = service["spec"], service["metadata"]
        cluster_ip = _cluster_ip(spec, family)
        if not cluster_ip or spec.get("type") == "ExternalName" or _NOT_OURS & (meta.get("labels") or {}).keys():
            continue
        key = f"{meta['namespace']}/{meta['name']}"
        for port in spec.get("ports") or ():
            found.append(
                _service_port(key, service, port, cluster_ip, by_service.get(key, ()), family, node_name, zone)
            )
    return sorted(found, key=lambda p: (p.key, p.protocol, p.port))


def _cluster_ip(spec: Obj, family: str) -> str:
    for address in spec.get("clusterIPs") or [spec.get("clusterIP", "")]:
        if address and address != "None" and _family_of(address) == family:
            return str(address)
    return ""


def _family_of(address: str) -> str:
    return "ip6" if ":" in address else "ip"


def _slices_by_service(slices: Iterable[Obj], address_type: str) -> Mapping[str, Sequence[Obj]]:
    found: dict[str, list[Obj]] = {}
    for item in slices:
        name = (item["metadata"].get("labels") or {}).get("kubernetes.io/service-name")
        if name and item.get("addressType") == address_type:
            found.setdefault(f"{item['metadata']['namespace']}/{name}", []).append(item)
    return found


def _service_port(
    key: str,
    service: Obj,
    port: Obj,
    cluster_ip: str,
    slices: Sequence[Obj],
    family: str,
    node_name: str,
    zone: str,
) -> ServicePort:
    spec = service["spec"]
    backends, local = _backends(slices, port.get("name", ""), port.get("protocol", "TCP"), node_name, zone)
    affinity = 0
    if spec.get("sessionAffinity") == "ClientIP":
        config = (spec.get("sessionAffinityConfig") or {}).get("clientIP") or {}
        affinity = int(config.get("timeoutSeconds") or 10800)
    ingress = (service.get("status") or {}).get("loadBalancer", {}).get("ingress") or ()
    return ServicePort(
        key=key,
        port_name=port.get("name", ""),
        protocol=port.get("protocol", "TCP").lower(),
        port=port["port"],
        node_port=port.get("nodePort") or 0,
        cluster_ip=cluster_ip,
        external_ips=tuple(a for a in spec.get("externalIPs") or () if _family_of(a) == family),
        load_balancer_ips=tuple(
            i["ip"]
            for i in ingress
            if i.get("ip") and _family_of(i["ip"]) == family and i.get("ipMode", "VIP") == "VIP"
        ),
        load_balancer_source_ranges=tuple(
            r.strip() for r in spec.get("loadBalancerSourceRanges") or () if _family_of(r) == family
        ),
        affinity_seconds=affinity,
        internal_local=spec.get("internalTrafficPolicy") == "Local",
        external_local=spec.get("externalTrafficPolicy") == "Local",
        backends=backends,
        local_backends=local,
    )


def _backends(
    slices: Sequence[Obj], port_name: str, protocol: str, node_name: str, zone: str
) -> tuple[tuple[Backend, ...], tuple[Backend, ...]]:
    """(all, local): the ready ones, or the serving but terminating ones when no other is left."""
    ready: dict[Backend, Obj] = {}
    terminating: dict[Backend, Obj] = {}
    for item in slices:
        number = next(
            (
                p.get("port")
                for p in item.get("ports") or ()
                if (p.get("name") or "") == port_name and (p.get("protocol") or "TCP") == protocol
            ),
            None,
        )
        if not number:
            continue
        for endpoint in item.get("endpoints") or ():
            conditions = endpoint.get("conditions") or {}
            is_ready = conditions.get("ready") is not False
            is_serving = conditions.get("serving", is_ready)
            if not is_ready and not (is_serving and conditions.get("terminating")):
                continue
            local = endpoint.get("nodeName") == node_name
            backend = Backend(endpoint["addresses"][0], number, local)
            (ready if is_ready else terminating)[backend] = endpoint
    usable = _in_zone(ready, zone) if ready else list(terminating)
    local_ready = [b for b in ready if b.local]
    local = local_ready or [b for b in terminating if b.local]
    return tuple(sorted(usable)), tuple(sorted(local))


def _in_zone(endpoints: Mapping[Backend, Obj], zone: str) -> list[Backend]:
    """The endpoints hinted for this zone, if every endpoint carries hints and one of them is for us; else all."""
    if not zone or not all((e.get("hints") or {}).get("forZones") for e in endpoints.values()):
        return list(endpoints)
    here = [b for b, e in endpoints.items() if any(z.get("name") == zone for z in e["hints"]["forZones"])]
    return here or list(endpoints)
