"""Writes the first objects and keeps them right: one transaction at the first start, none at most later ones.

RBAC defaults are added to, never taken from, unless their autoupdate annotation says "false", as upstream's
reconciliation does: https://kubernetes.io/docs/reference/access-authn-authz/rbac/#auto-reconciliation
"""

import copy
import uuid
from collections.abc import Callable, Iterator
from datetime import datetime

from minik.api.scheme import Resource, Scheme
from minik.api.types import Obj
from minik.server.apiserver.authz.rules import missing
from minik.server.apiserver.registry.keys import object_key, storage_prefix
from minik.server.apiserver.registry.metadata import ordered
from minik.server.apiserver.registry.storage import Storage
from minik.server.bootstrap import api_services, flow_control
from minik.server.bootstrap.cluster import ClusterSettings, cluster_objects, maintained_objects
from minik.server.bootstrap.policy import rbac_objects, served_rules
from minik.store.store import Compare, Delete, Put, Target, Txn, prefix_end

_AUTOUPDATE = "rbac.authorization.kubernetes.io/autoupdate"
_FLOW_PRODUCER, _FLOW_CONSUMER = (
    "api-priority-and-fairness-config-producer-v1",
    "api-priority-and-fairness-config-consumer-v1",
)
# fields that are owned as a whole; everything else is owned leaf by leaf
_WHOLE = frozenset({"rules", "roleRef", "subjects", "subsets", "endpoints", "ports", "cidrs"})
_ATTEMPTS = 5

Keep = Callable[[Obj, Obj], Obj | None]
"""(wanted, found) -> what to write instead of `found`, or None if it is right."""


async def bootstrap(storage: Storage, scheme: Scheme, settings: ClusterSettings, now: datetime) -> int:
    """Make sure of all default objects; returns how many were written. Safe beside other servers that do the same."""
    for _ in range(_ATTEMPTS):
        writes = list(_writes(storage, scheme, settings, now))
        if not writes:
            return 0
        compares, puts = zip(*writes, strict=True)
        result = await storage.store.txn(Txn(compare=compares, success=puts))
        if result.succeeded:
            return len(puts)
    raise RuntimeError("the default objects are being changed by somebody else all the time")


def _writes(
    storage: Storage, scheme: Scheme, settings: ClusterSettings, now: datetime
) -> Iterator[tuple[Compare, Put | Delete]]:
    timestamp = now.strftime("%Y-%m-%dT%H:%M:%SZ")
    groups: list[tuple[Iterator[Obj], Keep]] = [
        (cluster_objects(settings, timestamp), _leave),
        (api_services.api_service_objects(scheme, timestamp), _leave),
        (flow_control.flow_control_objects(timestamp), _leave),
        (maintained_objects(settings), _follow),
        (rbac_objects(served_rules(scheme)), _add_to),
    ]
    for wanted_objects, keep in groups:
        for wanted in wanted_objects:
            resource = _resource(scheme, wanted)
            if resource is not None:
                yield from _write(storage, resource, wanted, keep, timestamp)
    services = "apiregistration.k8s.io", "APIService"
    yield from _obsolete(storage, scheme, services, lambda found: api_services.is_obsolete(found, scheme))
    for kind in ("FlowSchema", "PriorityLevelConfiguration"):
        yield from _obsolete(storage, scheme, ("flowcontrol.apiserver.k8s.io", kind), flow_control.is_obsolete)


def _obsolete(
    storage: Storage, scheme: Scheme, kind: tuple[str, str], gone: Callable[[Obj], bool]
) -> Iterator[tuple[Compare, Delete]]:
    """`kind`: (group, kind) of objects that older versions or other flags may have left."""
    resource = scheme.by_kind(kind[0], "v1", kind[1])
    if resource is None:
        return
    prefix, layout = storage_prefix(resource), storage.layouts.of(resource)
    for kv in storage.store.current(prefix, prefix_end(prefix)).kvs:
        if gone(layout.decode(kv)):
            yield Compare(kv.key, Target.MOD, "=", kv.mod_revision), Delete(kv.key)


def _write(
    storage: Storage, resource: Resource, wanted: Obj, keep: Keep, timestamp: str
) -> Iterator[tuple[Compare, Put]]:
    metadata = wanted["metadata"]
    key = object_key(resource, metadata.get("namespace", ""), metadata["name"])
    layout = storage.layouts.of(resource)
    kv = storage.store.get(key)
    if kv is None:
        value = layout.encode(_new(wanted, timestamp))
        yield Compare(key, Target.VERSION, "=", 0), Put(key, value)
        return
    changed = keep(wanted, layout.decode(kv))
    if changed is not None:
        yield Compare(key, Target.MOD, "=", kv.mod_revision), Put(key, layout.encode(changed))


def _resource(scheme: Scheme, obj: Obj) -> Resource | None:
    group, _, version = obj["apiVersion"].rpartition("/")
    return scheme.by_kind(group, version, obj["kind"])


def _leave(_wanted: Obj, _found: Obj) -> Obj | None:
    return None


def _follow(wanted: Obj, found: Obj) -> Obj | None:
    """The content as wanted; metadata stays."""
    content = {key: value for key, value in wanted.items() if key != "metadata"}
    if all(found.get(key) == value for key, value in content.items()):
        return None
    return {**found, **content}


def _add_to(wanted: Obj, found: Obj) -> Obj | None:
    """What is missing in a role or binding, added."""
    if all(found.get(key) == value for key, value in wanted.items() if key != "metadata"):
        return None  # nearly always, and cheap
    if (found["metadata"].get("annotations") or {}).get(_AUTOUPDATE) == "false":
        return None
    if "roleRef" in wanted and found.get("roleRef") != wanted["roleRef"]:
        return {**found, "roleRef": wanted["roleRef"], "subjects": wanted.get("subjects") or []}
    added = copy.deepcopy(found)
    if "subjects" in wanted:
        subjects = added.setdefault("subjects", [])
        subjects += [subject for subject in wanted["subjects"] if subject not in subjects]
    if "rules" in wanted and missing(found.get("rules") or (), wanted["rules"]):
        rules = added["rules"] = added.get("rules") or []
        rules += [rule for rule in wanted["rules"] if missing(found.get("rules") or (), [rule])]
    if "aggregationRule" in wanted:
        selectors = added.setdefault("aggregationRule", {}).setdefault("clusterRoleSelectors", [])
        selectors += [item for item in wanted["aggregationRule"]["clusterRoleSelectors"] if item not in selectors]
    for field in ("labels", "annotations"):
        current = added["metadata"].get(field) or {}
        added["metadata"][field] = {**(wanted["metadata"].get(field) or {}), **current}
    return None if added == found else added


def _new(wanted: Obj, timestamp: str) -> Obj:
    metadata = {**wanted["metadata"], "uid": str(uuid.uuid4()), "creationTimestamp": timestamp}
    if "aggregationRule" not in wanted:  # those are written by the aggregation controller, which then owns them
        metadata["managedFields"] = list(_managed(wanted, timestamp))
    return {**wanted, "metadata": ordered(metadata)}


def _managed(wanted: Obj, timestamp: str) -> Iterator[Obj]:
    flow_control = wanted["apiVersion"].startswith("flowcontrol.")
    owned = {key: value for key, value in wanted.items() if key not in ("kind", "apiVersion", "metadata", "status")}
    if wanted["kind"] == "Namespace":
        owned = {}
    if wanted["kind"] == "APIService":
        owned["status"] = wanted["status"]
    metadata = {key: wanted["metadata"][key] for key in ("labels", "annotations") if key in wanted["metadata"]}
    fields = {"f:metadata": _field_set(metadata)} if metadata else {}
    fields |= _field_set(owned)
    manager = _FLOW_PRODUCER if flow_control else "kube-apiserver"
    yield _entry(manager, "Update", wanted["apiVersion"], timestamp, fields)
    if wanted["kind"] == "FlowSchema":
        conditions = {'k:{"type":"Dangling"}': {".": {}, **_field_set(wanted["status"]["conditions"][0])}}
        entry = _entry(
            _FLOW_CONSUMER, "Apply", wanted["apiVersion"], timestamp, {"f:status": {"f:conditions": conditions}}
        )
        yield {**entry, "subresource": "status"}


def _entry(manager: str, operation: str, api_version: str, timestamp: str, fields: Obj) -> Obj:
    return {
        "manager": manager,
        "operation": operation,
        "apiVersion": api_version,
        "time": timestamp,
        "fieldsType": "FieldsV1",
        "fieldsV1": fields,
    }


def _field_set(value: Obj) -> Obj:
    """The FieldsV1 of an object whose lists are all owned as a whole."""
    out: Obj = {}
    for key, item in value.items():
        nested = isinstance(item, dict) and item and key not in _WHOLE
        out[f"f:{key}"] = _field_set(item) if nested else {}
        if nested and key not in ("spec", "status", "priorityLevelConfiguration"):
            out[f"f:{key}"] = {".": {}, **out[f"f:{key}"]}
    return out
