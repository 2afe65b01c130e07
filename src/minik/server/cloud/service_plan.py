"""What a Service's load balancer needs: one, none any more, or changed. Pure.

Rules and texts: cloud-provider/controllers/service.
https://kubernetes.io/docs/tasks/access-application-cluster/create-external-load-balancer/
"""

import ipaddress
from collections.abc import Iterable, Iterator, Sequence

from minik.api.types import Obj
from minik.server.controllers.objects import annotations_of, condition_of, is_deleting, labels_of

FINALIZER = "service.kubernetes.io/load-balancer-cleanup"
EXCLUDE_LABEL = "node.kubernetes.io/exclude-from-external-load-balancers"
_AUTOSCALER_TAINT = "ToBeDeletedByClusterAutoscaler"


def wants_load_balancer(service: Obj) -> bool:
    """One that names a class is for whoever implements that class."""
    spec = service["spec"]
    return spec.get("type") == "LoadBalancer" and spec.get("loadBalancerClass") is None


def has_finalizer(service: Obj) -> bool:
    return FINALIZER in (service["metadata"].get("finalizers") or ())


def needs_cleanup(service: Obj) -> bool:
    """Whether there is a load balancer to take away."""
    return has_finalizer(service) and (is_deleting(service) or not wants_load_balancer(service))


def wanted_by(service: Obj) -> bool:
    """Whether the service controller has anything to do with it."""
    return wants_load_balancer(service) or needs_cleanup(service)


def blueprint(service: Obj) -> tuple[object, ...]:
    """All that a load balancer is made from: equal ones need the same load balancer."""
    spec = service["spec"]
    ports = [
        (p.get("name"), p.get("protocol"), p["port"], p.get("targetPort"), p.get("nodePort"), p.get("appProtocol"))
        for p in spec.get("ports") or ()
    ]
    fields = (
        "type",
        "loadBalancerIP",
        "loadBalancerClass",
        "externalTrafficPolicy",
        "healthCheckNodePort",
        "sessionAffinity",
    )
    return (
        service["metadata"]["uid"],
        *ports,
        *(spec.get(name) for name in fields),
        *(tuple(spec.get(name) or ()) for name in ("loadBalancerSourceRanges", "externalIPs", "ipFamilies")),
        repr(spec.get("sessionAffinityConfig")),
        repr(sorted(annotations_of(service).items())),
        is_deleting(service),
    )


def changes(old: Obj, new: Obj) -> Iterator[tuple[str, str]]:
    """(reason, message) of the Events that tell what of the Service changes its load balancer."""
    before, after = old["spec"], new["spec"]
    if wants_load_balancer(old) != wants_load_balancer(new):
        yield "Type", f"{before.get('type')} -> {after.get('type')}"
    if not (wants_load_balancer(old) and wants_load_balancer(new)):
        return
    ranges = [_ranges(spec) for spec in (before, after)]
    if ranges[0] != ranges[1]:
        yield "LoadBalancerSourceRanges", f"{_go_list(ranges[0])} -> {_go_list(ranges[1])}"
    for field, reason in (("loadBalancerIP", "LoadbalancerIP"), ("externalTrafficPolicy", "ExternalTrafficPolicy")):
        if before.get(field, "") != after.get(field, ""):
            yield reason, f"{before.get(field, '')} -> {after.get(field, '')}"
    had, has = before.get("externalIPs") or (), after.get("externalIPs") or ()
    if len(had) != len(has):
        yield "ExternalIP", f"Count: {len(had)} -> {len(has)}"
    else:
        for was, now in zip(had, has, strict=True):
            if was != now:
                yield "ExternalIP", f"Added: {now}"
    if old["metadata"]["uid"] != new["metadata"]["uid"]:
        yield "UID", f"{old['metadata']['uid']} -> {new['metadata']['uid']}"
    if before.get("healthCheckNodePort", 0) != after.get("healthCheckNodePort", 0):
        yield "HealthCheckNodePort", f"{before.get('healthCheckNodePort', 0)} -> {after.get('healthCheckNodePort', 0)}"


def eligible_nodes(nodes: Iterable[Obj]) -> Sequence[Obj]:
    """The nodes that load balancers send to, by name."""
    return sorted((node for node in nodes if _is_eligible(node)), key=lambda node: str(node["metadata"]["name"]))


def _is_eligible(node: Obj) -> bool:
    if EXCLUDE_LABEL in labels_of(node) or is_deleting(node):
        return False
    if any(taint["key"] == _AUTOSCALER_TAINT for taint in node["spec"].get("taints") or ()):
        return False
    ready = condition_of(node, "Ready")
    return ready is not None and ready["status"] == "True"


def node_facts(node: Obj) -> tuple[object, ...]:
    """What of a node matters to load balancers."""
    status = node.get("status") or {}
    addresses = tuple((a["type"], a["address"]) for a in status.get("addresses") or ())
    labels = tuple(sorted(labels_of(node).items()))
    return node["metadata"]["uid"], _is_eligible(node), node["spec"].get("providerID"), addresses, labels


def _ranges(spec: Obj) -> list[str]:
    found = []
    for text in spec.get("loadBalancerSourceRanges") or ():
        try:
            found.append(str(ipaddress.ip_network(text.strip(), strict=False)))
        except ValueError:
            found.append(text)
    return sorted(found)


def _go_list(items: Sequence[str]) -> str:
    return f"[{' '.join(items)}]"
