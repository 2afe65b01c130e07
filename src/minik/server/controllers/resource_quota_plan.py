"""Decides what a ResourceQuota's status shows: which resources it limits, and how much of each is used.

What one object uses is said by admission's quota_usage.py, so that both count alike.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence

from minik.api.quantity import Quantity, of, parse
from minik.api.types import GVR, Obj
from minik.client.resources import DEVICE_CLASSES, PERSISTENT_VOLUME_CLAIMS, PODS, RESOURCE_CLAIMS, SERVICES
from minik.server.apiserver.admission.quota_devices import DEVICE_SUFFIX
from minik.server.apiserver.admission.quota_usage import in_all_scopes, is_terminating, usage

Kind = tuple[str, str]
"""Group and plural."""

_CLAIM_SUFFIXES = (".storageclass.storage.k8s.io/", ".volumeattributesclass.storage.k8s.io/")
_COUNTED_BY_NAME = frozenset({"configmaps", "secrets", "replicationcontrollers", "resourcequotas"})
_COMPUTE = frozenset(
    f"{which}{name}" for which in ("", "requests.", "limits.") for name in ("cpu", "memory", "ephemeral-storage")
)


def counted(item: str) -> Collection[Kind]:
    """The objects that a limited resource is about; none for one nobody counts."""
    if item.startswith("count/"):
        plural, _, group = item.removeprefix("count/").partition(".")
        return ((group, plural),)
    if item in _COUNTED_BY_NAME:
        return (("", item),)
    if item == "services" or item.startswith("services."):
        return (_kind(SERVICES),)
    if item == "requests.storage" or item == "persistentvolumeclaims" or any(s in item for s in _CLAIM_SUFFIXES):
        return (_kind(PERSISTENT_VOLUME_CLAIMS),)
    if item == "pods" or item in _COMPUTE or item.startswith(("hugepages-", "requests.hugepages-")):
        return (_kind(PODS),)
    if item.startswith("requests.") and "/" in item:  # extended resources
        return _kind(PODS), _kind(RESOURCE_CLAIMS)
    if item.endswith(DEVICE_SUFFIX):
        return (_kind(RESOURCE_CLAIMS),)
    return ()


def needed(quota: Obj) -> Collection[Kind]:
    """What has to be known to count: the objects it limits, and what a claim's usage depends on."""
    wanted = {kind for item in quota["spec"].get("hard") or () for kind in counted(item)}
    return wanted | {_kind(PODS), _kind(DEVICE_CLASSES)} if _kind(RESOURCE_CLAIMS) in wanted else wanted


def _kind(resource: GVR) -> Kind:
    return resource.group, resource.resource


def new_status(quota: Obj, objects: Mapping[GVR, Sequence[Obj]]) -> Obj:
    """The status by what exists: `objects` has everything that is `needed`, of the quota's namespace."""
    hard: Mapping[str, str] = quota["spec"].get("hard") or {}
    known = {_kind(resource) for resource in objects}
    used = {item: of(0) for item in hard if not known.isdisjoint(counted(item))}
    around = _Around(objects)
    for resource, existing in objects.items():
        for obj in existing:
            if in_all_scopes(quota, resource, obj):
                _add(used, usage(resource, obj, around))
    before: Mapping[str, str] = (quota.get("status") or {}).get("used") or {}
    unknown = {item: before[item] for item in hard if item not in used and item in before}
    return {"hard": dict(hard), "used": {item: str(amount) for item, amount in used.items()} | unknown}


class _Around:
    """The objects of one namespace by name."""

    def __init__(self, objects: Mapping[GVR, Sequence[Obj]]) -> None:
        self._objects = objects
        self._by_name: dict[GVR, dict[str, Obj]] = {}

    def get(self, resource: GVR, name: str, namespace: str = "") -> Obj | None:
        if resource not in self._by_name:
            self._by_name[resource] = {obj["metadata"]["name"]: obj for obj in self.list(resource)}
        return self._by_name[resource].get(name)

    def list(self, resource: GVR, namespace: str = "") -> Sequence[Obj]:
        return self._objects.get(resource, ())


_NOTHING = _Around({})


def same(left: Obj, right: Obj) -> bool:
    """Whether two statuses mean the same amounts, however they are written."""
    return all(_amounts(left.get(part)) == _amounts(right.get(part)) for part in ("hard", "used"))


def _add(used: dict[str, Quantity], more: Mapping[str, Quantity]) -> None:
    for item, amount in more.items():
        if item in used:
            total = used[item]
            used[item] = total + amount if total.nanos else amount  # the first to count sets the suffixes


def _amounts(amounts: Mapping[str, str] | None) -> dict[str, int]:
    return {item: parse(text).nanos for item, text in (amounts or {}).items()}


def changes_usage(resource: GVR, old: Obj | None, new: Obj | None) -> bool:
    """Whether less may be used of a quota than before.

    Something went, a Pod ended or went to the other quotas, or a Service or claim was changed.
    """
    if old is None:
        return False
    if new is None:
        return True
    if resource == PODS and is_terminating(old) != is_terminating(new):
        return True
    watched: Iterable[GVR] = (PODS, SERVICES, PERSISTENT_VOLUME_CLAIMS)
    return resource in watched and usage(resource, old, _NOTHING) != usage(resource, new, _NOTHING)
