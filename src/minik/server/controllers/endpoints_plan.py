"""The v1 Endpoints object of a Service (deprecated, still read by many).

Rules: kubernetes/pkg/controller/endpoint and pkg/api/v1/endpoints (RepackSubsets).
"""

from collections.abc import Iterable

from minik.api.types import Obj
from minik.server.controllers import service_pods as members
from minik.server.controllers.objects import labels_of
from minik.server.controllers.pods import is_ready, node_name

MAX_CAPACITY = 1000
OVER_CAPACITY = "endpoints.kubernetes.io/over-capacity"
MANAGED_BY = "endpoints.kubernetes.io/managed-by"
MANAGER = "endpoint-controller"

_Port = tuple[str, int, str, str]  # name, port, protocol, appProtocol


def subsets(service: Obj, pods: Iterable[Obj]) -> list[Obj]:
    """Addresses grouped by the ports they serve, everything in a stable order."""
    not_ready_too = members.publishes_not_ready(service)
    family = members.families(service)[0]
    per_address: dict[str, tuple[Obj, bool, set[_Port]]] = {}
    for pod in sorted(pods, key=lambda pod: str(pod["metadata"]["uid"])):
        if not members.should_be_listed(pod, include_terminating=not_ready_too):
            continue
        for address in members.addresses_of_family(pod, family)[:1]:
            ready = not_ready_too or is_ready(pod)
            per_address[address] = (_address(service, pod, address), ready, _ports(service, pod))
    grouped: dict[tuple[_Port, ...], dict[bool, list[Obj]]] = {}
    for _, (entry, ready, ports) in sorted(per_address.items()):
        if ports or members.is_headless(service):
            grouped.setdefault(tuple(sorted(ports)), {}).setdefault(ready, []).append(entry)
    return [_subset(ports, found) for ports, found in sorted(grouped.items())]


def _subset(ports: Iterable[_Port], found: dict[bool, list[Obj]]) -> Obj:
    subset: Obj = {}
    if found.get(True):
        subset["addresses"] = found[True]
    if found.get(False):
        subset["notReadyAddresses"] = found[False]
    shown = []
    for name, number, protocol, app_protocol in ports:
        port: Obj = {"name": name} if name else {}
        port |= {"port": number, "protocol": protocol}
        if app_protocol:
            port["appProtocol"] = app_protocol
        shown.append(port)
    if shown:
        subset["ports"] = shown
    return subset


def _address(service: Obj, pod: Obj, address: str) -> Obj:
    metadata = pod["metadata"]
    entry: Obj = {"ip": address}
    if name := members.hostname(service, pod):
        entry["hostname"] = name
    if node := node_name(pod):
        entry["nodeName"] = node
    entry["targetRef"] = {
        "kind": "Pod",
        "namespace": metadata["namespace"],
        "name": metadata["name"],
        "uid": metadata["uid"],
    }
    return entry


def _ports(service: Obj, pod: Obj) -> set[_Port]:
    ports = set()
    for port in service["spec"].get("ports") or ():
        number = members.target_port(port, pod)
        if number is not None:
            ports.add((port.get("name", ""), number, port.get("protocol", "TCP"), port.get("appProtocol", "")))
    return ports


def endpoints_labels(service: Obj) -> dict[str, str]:
    labels = {name: value for name, value in labels_of(service).items() if name != members.HEADLESS}
    if members.is_headless(service):
        labels[members.HEADLESS] = ""
    return labels | {MANAGED_BY: MANAGER}


def truncated(found: list[Obj]) -> tuple[list[Obj], bool]:
    """At most 1000 addresses, ready ones first; whether any were left out."""
    room = MAX_CAPACITY
    total = sum(len(s.get("addresses", ())) + len(s.get("notReadyAddresses", ())) for s in found)
    if total <= room:
        return found, False
    kept = [dict(subset) for subset in found]
    for field in ("addresses", "notReadyAddresses"):
        for subset in kept:
            if field in subset:
                subset[field] = subset[field][:room]
                room -= len(subset[field])
                if not subset[field]:
                    del subset[field]
    return [s for s in kept if "addresses" in s or "notReadyAddresses" in s], True


def build(service: Obj, pods: Iterable[Obj], current: Obj | None) -> Obj | None:
    """The Endpoints to write; None when `current` is right."""
    found, over = truncated(subsets(service, pods))
    labels = endpoints_labels(service)
    metadata = dict(current["metadata"]) if current is not None else {"name": service["metadata"]["name"]}
    annotations = {name: value for name, value in (metadata.get("annotations") or {}).items() if name != OVER_CAPACITY}
    if over:
        annotations[OVER_CAPACITY] = "truncated"
    if current is not None:
        same = (current.get("subsets") or []) == found and dict(labels_of(current)) == labels
        if same and (metadata.get("annotations") or {}) == annotations:
            return None
    metadata |= {"namespace": service["metadata"]["namespace"], "labels": labels}
    if annotations or "annotations" in metadata:
        metadata["annotations"] = annotations
    endpoints: Obj = {"apiVersion": "v1", "kind": "Endpoints", "metadata": metadata}
    return endpoints | ({"subsets": found} if found else {})
