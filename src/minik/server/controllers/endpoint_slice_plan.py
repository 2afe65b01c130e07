"""Decides which endpoints a Service's EndpointSlices should hold; endpoint_slice_placement.py puts them there.

Rules: k8s.io/endpointslice/reconciler.go. https://kubernetes.io/docs/concepts/services-networking/endpoint-slices/
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import orjson

from minik.api.types import Obj
from minik.server.controllers import service_pods as members
from minik.server.controllers.endpoint_slice_placement import MANAGED_BY, SERVICE_NAME, Frame, Groups, identity
from minik.server.controllers.objects import is_deleting, labels_of, owner_reference
from minik.server.controllers.pods import is_ready, node_name

MANAGER = "endpointslice-controller.k8s.io"
ZONE = "topology.kubernetes.io/zone"


@dataclass(slots=True)
class Desired:
    """`missing_nodes` are named by Pods but not there: look again."""

    groups: Groups = field(default_factory=dict)
    missing_nodes: set[str] = field(default_factory=set)


def desired_endpoints(service: Obj, pods: Iterable[Obj], zones: Mapping[str, str | None]) -> Desired:
    """`zones` maps the nodes there are to their zone."""
    desired = Desired()
    for pod in pods:
        if not members.should_be_listed(pod, include_terminating=True):
            continue
        node = node_name(pod)
        if node and node not in zones:
            desired.missing_nodes.add(node)
            if not members.publishes_not_ready(service):
                continue
        ports = orjson.dumps(_ports(service, pod))
        for family in members.families(service):
            addresses = members.addresses_of_family(pod, family)
            if addresses:
                entry = endpoint(service, pod, addresses, zones.get(node))
                desired.groups.setdefault((family, ports), {})[identity(entry)] = entry
    return desired


def endpoint(service: Obj, pod: Obj, addresses: Sequence[str], zone: str | None) -> Obj:
    serving, terminating = is_ready(pod), is_deleting(pod)
    metadata = pod["metadata"]
    entry: Obj = {
        "addresses": [*addresses],
        "conditions": {
            "ready": members.publishes_not_ready(service) or (serving and not terminating),
            "serving": serving,
            "terminating": terminating,
        },
        "targetRef": {
            "kind": "Pod",
            "namespace": metadata["namespace"],
            "name": metadata["name"],
            "uid": metadata["uid"],
        },
    }
    if name := members.hostname(service, pod):
        entry["hostname"] = name
    if node := node_name(pod):
        entry["nodeName"] = node
    if zone:
        entry["zone"] = zone
    if hints := _hints(service, node, zone):
        entry["hints"] = hints
    return entry


def _hints(service: Obj, node: str, zone: str | None) -> Obj:
    """spec.trafficDistribution as hints for the proxies."""
    distribution = service["spec"].get("trafficDistribution")
    hints: Obj = {}
    if distribution in ("PreferClose", "PreferSameZone", "PreferSameNode") and zone:
        hints["forZones"] = [{"name": zone}]
    if distribution == "PreferSameNode" and node:
        hints["forNodes"] = [{"name": node}]
    return hints


def _ports(service: Obj, pod: Obj) -> list[Obj]:
    ports = []
    for service_port in service["spec"].get("ports") or ():
        number = members.target_port(service_port, pod)
        if number is None:
            continue
        port: Obj = {
            "name": service_port.get("name", ""),
            "port": number,
            "protocol": service_port.get("protocol", "TCP"),
        }
        if "appProtocol" in service_port:
            port["appProtocol"] = service_port["appProtocol"]
        ports.append(port)
    return ports


def frame(service: Obj) -> Frame:
    """What the Service's slices have in common. There is always one of each address type, if only an empty one."""
    metadata = service["metadata"]
    reserved = (SERVICE_NAME, MANAGED_BY, members.HEADLESS)
    labels = {name: value for name, value in labels_of(service).items() if name not in reserved}
    if members.is_headless(service):
        labels[members.HEADLESS] = ""
    labels |= {SERVICE_NAME: metadata["name"], MANAGED_BY: MANAGER}
    return Frame(
        name=metadata["name"],
        namespace=metadata["namespace"],
        labels=labels,
        owner=owner_reference(service, "v1", "Service"),
        always=tuple(members.families(service)),
    )
