"""Puts endpoints into EndpointSlices, at most 100 each, changing as few slices as possible.

Pure; used for Services with a selector and for mirrored Endpoints. Rules: k8s.io/endpointslice/reconciler.go.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import orjson

from minik.api.types import Obj
from minik.server.controllers.objects import annotations_of, is_deleting, labels_of

MAX_ENDPOINTS = 100
SERVICE_NAME = "kubernetes.io/service-name"
MANAGED_BY = "endpointslice.kubernetes.io/managed-by"

Group = tuple[str, bytes]  # address type, and ports as JSON
Groups = dict[Group, dict[str, Obj]]  # endpoints by their identity


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """What all slices of one owner have in common. `always` are the address types that have a slice in any case."""

    name: str
    namespace: str
    labels: Mapping[str, str]
    owner: Obj
    annotations: Mapping[str, str] = field(default_factory=dict)
    always: Sequence[str] = ()


@dataclass(slots=True)
class Plan:
    create: list[Obj] = field(default_factory=list)
    update: list[Obj] = field(default_factory=list)
    delete: list[Obj] = field(default_factory=list)


def identity(entry: Obj) -> str:
    """An endpoint that only changes its conditions or topology is updated where it is."""
    return f"{entry.get('targetRef', {}).get('uid', '')} {','.join(entry['addresses'])} {entry.get('hostname', '')}"


def place(frame: Frame, slices: Iterable[Obj], groups: Groups) -> Plan:
    """`slices` are those there are now."""
    by_group: dict[Group, list[Obj]] = {key: [] for key in groups}
    for present in slices:
        if not is_deleting(present):
            by_group.setdefault(_group(present), []).append(present)
    filled: list[tuple[Obj, list[Obj]]] = []
    empty: list[Obj] = []  # used again where the address type fits, to spare a delete and a create
    missing: list[tuple[Group, list[Obj]]] = []
    for key, present_slices in by_group.items():
        kept, left = _distribute(present_slices, groups.get(key, {}))
        filled += [(s, entries) for s, entries in kept if entries]
        empty += [s for s, entries in kept if not entries]
        missing += [(key, left[start : start + MAX_ENDPOINTS]) for start in range(0, len(left), MAX_ENDPOINTS)]
    for family in frame.always:
        there = any(s["addressType"] == family for s, _ in filled)
        if not there and not any(key[0] == family for key, _ in missing):
            missing.append(((family, b"[]"), []))  # a slice without endpoints says that there are none
    result = Plan()
    for (family, ports), chunk in missing:
        reused = next((s for s in empty if s["addressType"] == family), None)
        if reused is None:
            result.create.append(_new_slice(frame, family, orjson.loads(ports), chunk))
            continue
        empty.remove(reused)
        if _group(reused) != (family, ports) or _differs(frame, reused, chunk):
            changed = {**reused, "ports": orjson.loads(ports)}
            result.update.append(_written(frame, changed, chunk))
    for present, entries in filled:
        if _differs(frame, present, entries):
            result.update.append(_written(frame, present, entries))
    result.delete = empty
    return result


def _group(endpoint_slice: Obj) -> Group:
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
        found = (entries.pop(identity(entry), None) for entry in present.get("endpoints") or ())
        kept.append((present, [entry for entry in found if entry is not None]))
    left = list(entries.values())
    for present, held in sorted(kept, key=lambda pair: pair[1] == (pair[0].get("endpoints") or [])):
        room = MAX_ENDPOINTS - len(held)
        changes = held != (present.get("endpoints") or [])
        if changes or len(left) <= room:
            held += left[:room]
            left = left[room:]
    return kept, left


def _new_slice(frame: Frame, family: str, ports: list[Obj], entries: list[Obj]) -> Obj:
    new: Obj = {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "generateName": f"{frame.name[:247]}-",
            "namespace": frame.namespace,
            "labels": dict(frame.labels),
            "ownerReferences": [frame.owner],
        },
        "addressType": family,
        "endpoints": entries,
        "ports": ports,
    }
    if frame.annotations:
        new["metadata"]["annotations"] = dict(frame.annotations)
    return new


def _differs(frame: Frame, endpoint_slice: Obj, entries: list[Obj]) -> bool:
    same = entries == (endpoint_slice.get("endpoints") or []) and dict(frame.labels) == dict(labels_of(endpoint_slice))
    return not same or dict(frame.annotations) != dict(annotations_of(endpoint_slice))


def _written(frame: Frame, endpoint_slice: Obj, entries: list[Obj]) -> Obj:
    metadata = {**endpoint_slice["metadata"], "labels": dict(frame.labels), "annotations": dict(frame.annotations)}
    return {**endpoint_slice, "metadata": metadata, "endpoints": entries}
