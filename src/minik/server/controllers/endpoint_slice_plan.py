"""Decides what a Service's EndpointSlices should hold, changing as few of them as possible.

Rules: k8s.io/endpointslice/reconciler.go. https://kubernetes.io/docs/concepts/services-networking/endpoint-slices/
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import orjson

from minik.api.types import Obj
from minik.server.controllers import service_pods as members
from minik.server.controllers.objects import is_deleting, labels_of, owner_reference
from minik.server.controllers.pods import is_ready, node_name

MAX_ENDPOINTS = 100
SERVICE_NAME = "kubernetes.io/service-name"
MANAGED_BY = "endpointslice.kubernetes.io/managed-by"
MANAGER = "endpointslice-controller.k8s.io"
ZONE = "topology.kubernetes.io/zone"

_RESERVED = (SERVICE_NAME, MANAGED_BY, members.HEADLESS)


_Group = tuple[str, bytes]  # address type and ports as JSON


@dataclass(slots=True)
class Plan:
    create: list[Obj] = field(default_factory=list)
    update: list[Obj] = field(default_factory=list)
    delete: list[Obj] = field(default_factory=list)


@dataclass(slots=True)
class Desired:
    """Endpoints by address type and ports. `missing_nodes` are named by Pods but not there: look again."""

    groups: dict[_Group, dict[str, Obj]] = field(default_factory=dict)
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
                desired.groups.setdefault((family, ports), {})[_identity(entry)] = entry
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


def _identity(entry: Obj) -> str:
    """An endpoint that only changes its conditions or topology is updated where it is."""
    return f"{entry.get('targetRef', {}).get('uid', '')} {','.join(entry['addresses'])} {entry.get('hostname', '')}"


def plan(service: Obj, slices: Iterable[Obj], desired: Desired) -> Plan:
    """`slices` are the managed ones of the Service now."""
    by_group: dict[_Group, list[Obj]] = {key: [] for key in desired.groups}
    for present in slices:
        if not is_deleting(present):
            by_group.setdefault(_group(present), []).append(present)
    filled: list[tuple[Obj, list[Obj]]] = []
    empty: list[Obj] = []  # used again where the address type fits, to spare a delete and a create
    missing: list[tuple[_Group, list[Obj]]] = []
    for key, present_slices in by_group.items():
        kept, left = _distribute(present_slices, desired.groups.get(key, {}))
        filled += [(s, entries) for s, entries in kept if entries]
        empty += [s for s, entries in kept if not entries]
        missing += [(key, left[start : start + MAX_ENDPOINTS]) for start in range(0, len(left), MAX_ENDPOINTS)]
    for family in members.families(service):
        there = any(s["addressType"] == family for s, _ in filled)
        if not there and not any(key[0] == family for key, _ in missing):
            missing.append(((family, b"[]"), []))  # a slice without endpoints says that there are none
    result = Plan()
    for (family, ports), chunk in missing:
        reused = next((s for s in empty if s["addressType"] == family), None)
        if reused is None:
            result.create.append(_new_slice(service, family, orjson.loads(ports), chunk))
            continue
        empty.remove(reused)
        if _group(reused) != (family, ports) or _differs(service, reused, chunk):
            changed = {**reused, "ports": orjson.loads(ports)}
            result.update.append(_written(service, changed, chunk))
    for present, entries in filled:
        if _differs(service, present, entries):
            result.update.append(_written(service, present, entries))
    result.delete = empty
    return result


def _group(endpoint_slice: Obj) -> _Group:
    return endpoint_slice["addressType"], orjson.dumps([_port_in_order(p) for p in endpoint_slice.get("ports") or ()])


def _port_in_order(port: Obj) -> Obj:
    fields = {"name": port.get("name", ""), "port": port.get("port"), "protocol": port.get("protocol", "TCP")}
    return fields | ({"appProtocol": port["appProtocol"]} if "appProtocol" in port else {})


def _distribute(slices: Sequence[Obj], wanted: Mapping[str, Obj]) -> tuple[list[tuple[Obj, list[Obj]]], list[Obj]]:
    """Endpoints stay where they are; new ones go to slices that change anyway, else into one that takes them all.

    Returns what each slice should hold, and what found no room.
    """
    entries = dict(wanted)
    kept = []
    for present in slices:
        found = (entries.pop(_identity(entry), None) for entry in present.get("endpoints") or ())
        kept.append((present, [entry for entry in found if entry is not None]))
    left = list(entries.values())
    for present, held in sorted(kept, key=lambda pair: pair[1] == (pair[0].get("endpoints") or [])):
        room = MAX_ENDPOINTS - len(held)
        changes = held != (present.get("endpoints") or [])
        if changes or len(left) <= room:
            held += left[:room]
            left = left[room:]
    return kept, left


def slice_labels(service: Obj) -> dict[str, str]:
    labels = {name: value for name, value in labels_of(service).items() if name not in _RESERVED}
    if members.is_headless(service):
        labels[members.HEADLESS] = ""
    return labels | {SERVICE_NAME: service["metadata"]["name"], MANAGED_BY: MANAGER}


def _new_slice(service: Obj, family: str, ports: list[Obj], entries: list[Obj]) -> Obj:
    metadata = service["metadata"]
    new: Obj = {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "generateName": f"{metadata['name'][:247]}-",
            "namespace": metadata["namespace"],
            "labels": slice_labels(service),
            "ownerReferences": [owner_reference(service, "v1", "Service")],
        },
        "addressType": family,
        "endpoints": entries,
        "ports": ports,
    }
    return new


def _differs(service: Obj, endpoint_slice: Obj, entries: list[Obj]) -> bool:
    present = endpoint_slice.get("endpoints") or []
    return entries != present or slice_labels(service) != dict(labels_of(endpoint_slice))


def _written(service: Obj, endpoint_slice: Obj, entries: list[Obj]) -> Obj:
    metadata = {**endpoint_slice["metadata"], "labels": slice_labels(service)}
    return {**endpoint_slice, "metadata": metadata, "endpoints": entries}
