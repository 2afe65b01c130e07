"""Which fields a Service of a type needs, and how they are kept consistent across writes.

Pure. The allocator (server/apiserver) calls `patch_allocated_values` and `normalize_cluster_ips` before it allocates;
the strategy calls `drop_type_dependent_fields`. Old clients know only clusterIP, not clusterIPs.
Behaviour: https://kubernetes.io/docs/concepts/services-networking/service/
"""

from minik.api.types import Obj

HEADLESS = "None"


def needs_cluster_ip(service: Obj) -> bool:
    return service["spec"].get("type") in ("ClusterIP", "NodePort", "LoadBalancer")


def needs_node_port(service: Obj) -> bool:
    """Of type NodePort, or LoadBalancer unless it does without."""
    spec = service["spec"]
    if spec.get("type") == "LoadBalancer":
        return spec.get("allocateLoadBalancerNodePorts") is not False
    return bool(spec.get("type") == "NodePort")


def may_have_node_ports(service: Obj) -> bool:
    """A LoadBalancer that does without node ports keeps those it names."""
    return service["spec"].get("type") in ("NodePort", "LoadBalancer")


def needs_health_check_node_port(service: Obj) -> bool:
    spec = service["spec"]
    return bool(spec.get("type") == "LoadBalancer" and spec.get("externalTrafficPolicy") == "Local")


def is_externally_accessible(service: Obj) -> bool:
    spec = service["spec"]
    if spec.get("type") in ("LoadBalancer", "NodePort"):
        return True
    return bool(spec.get("type") == "ClusterIP" and spec.get("externalIPs"))


def is_headless(service: Obj) -> bool:
    spec = service["spec"]
    return HEADLESS in (spec.get("clusterIP"), (spec.get("clusterIPs") or [""])[0])


def normalize_cluster_ips(new: Obj, old: Obj | None) -> None:
    """Make clusterIPs follow clusterIP where a client only set or changed the latter."""
    spec = new["spec"]
    address, addresses = spec.get("clusterIP", ""), spec.get("clusterIPs") or []
    if old is None:
        if address and not addresses:
            spec["clusterIPs"] = [address]
        return
    before, all_before = old["spec"].get("clusterIP", ""), old["spec"].get("clusterIPs") or []
    if address == before:
        if all_before and not addresses:
            spec["clusterIPs"] = list(all_before)
    elif addresses == all_before:
        if before and not address:
            spec.pop("clusterIPs", None)
        else:
            spec["clusterIPs"] = [address]


def patch_allocated_values(new: Obj, old: Obj) -> None:
    """Keep what was allocated before and left out now, so that applying the same manifest again changes nothing."""
    spec, before = new["spec"], old["spec"]
    if needs_cluster_ip(old) and needs_cluster_ip(new):
        if not spec.get("clusterIP") and before.get("clusterIP"):
            spec["clusterIP"] = before["clusterIP"]
        if not spec.get("clusterIPs") and before.get("clusterIPs"):
            spec["clusterIPs"] = list(before["clusterIPs"])
    if needs_node_port(old) and needs_node_port(new):
        _patch_node_ports(spec, before)
    if needs_health_check_node_port(old) and needs_health_check_node_port(new):
        port = spec.get("healthCheckNodePort") or before.get("healthCheckNodePort")
        if port:
            spec["healthCheckNodePort"] = port


def _node_ports(spec: Obj) -> set[int]:
    return {port["nodePort"] for port in spec.get("ports") or () if port.get("nodePort")}


def _patch_node_ports(spec: Obj, before: Obj) -> None:
    used = _node_ports(spec) & _node_ports(before)
    by_name = {port.get("name", ""): port.get("nodePort", 0) for port in before.get("ports") or ()}
    for port in spec.get("ports") or ():
        known = by_name.get(port.get("name", ""), 0)
        if not port.get("nodePort") and known and known not in used:
            port["nodePort"] = known
            used.add(known)


def _drop_unchanged(spec: Obj, before: Obj, *keys: str) -> None:
    for key in keys:
        if spec.get(key) == before.get(key):
            spec.pop(key, None)


def drop_type_dependent_fields(new: Obj, old: Obj) -> None:
    """On a change of type, drop what the old type needed, the new one does not, and the client just copied."""
    spec, before = new["spec"], old["spec"]
    if needs_cluster_ip(old) and not needs_cluster_ip(new):
        if spec.get("clusterIP") == before.get("clusterIP") and spec.get("clusterIPs") == before.get("clusterIPs"):
            spec.pop("clusterIP", None)
            spec.pop("clusterIPs", None)
        _drop_unchanged(spec, before, "ipFamilies", "ipFamilyPolicy", "internalTrafficPolicy")
    if may_have_node_ports(old) and not may_have_node_ports(new) and _node_ports(spec) <= _node_ports(before):
        for port in spec.get("ports") or ():
            port.pop("nodePort", None)
    if needs_health_check_node_port(old) and not needs_health_check_node_port(new):
        _drop_unchanged(spec, before, "healthCheckNodePort")
    if before.get("type") == "LoadBalancer" and spec.get("type") != "LoadBalancer":
        _drop_unchanged(spec, before, "allocateLoadBalancerNodePorts", "loadBalancerClass")
    if is_externally_accessible(old) and not is_externally_accessible(new):
        _drop_unchanged(spec, before, "externalTrafficPolicy")
    if spec.get("type") != "LoadBalancer":
        new["status"] = {**(new.get("status") or {}), "loadBalancer": {}}
