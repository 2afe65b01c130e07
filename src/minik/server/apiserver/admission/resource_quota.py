"""ResourceQuota: what is created must fit into the namespace's quotas, and is counted at once.

The last validating plugin, so that only what everything else admits is counted. Deletions are noticed by the quota
controller, which recounts. https://kubernetes.io/docs/concepts/policy/resource-quotas/
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from weakref import WeakValueDictionary

from minik.api.quantity import Quantity, parse
from minik.api.types import GVR, Obj
from minik.server.apiserver.admission.attributes import AdmissionAttributes
from minik.server.apiserver.admission.plugin import CREATE, UPDATE, Plugin, refuse
from minik.server.apiserver.admission.quota_usage import Usage, in_all_scopes, is_terminating, unstated, usage
from minik.server.apiserver.objects import Reader

QUOTAS = GVR("", "v1", "resourcequotas")
_UPDATED = frozenset({"services", "persistentvolumeclaims"})
_UNCOUNTED = frozenset({("", "events"), ("events.k8s.io", "events"), ("coordination.k8s.io", "leases")})
_OF_EVERY_POD = frozenset(
    {"pods"}
    | {f"{which}{name}" for which in ("", "requests.", "limits.") for name in ("cpu", "memory", "ephemeral-storage")}
)
_ATTEMPTS = 10

WriteStatus = Callable[[Obj, Obj], Awaitable[bool]]
"""(quota as read, new status) -> False if the quota has changed since."""


class ResourceQuotaAdmission(Plugin):
    name = "ResourceQuota"
    operations = frozenset({CREATE, UPDATE})
    resources = None

    def __init__(self, objects: Reader, write_status: WriteStatus) -> None:
        self._objects = objects
        self._write_status = write_status
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def validate(self, attributes: AdmissionAttributes) -> None:
        if not attributes.namespace or attributes.obj is None or not _counts(attributes):
            return
        if not self._objects.list(QUOTAS, attributes.namespace):
            return
        lock = self._locks.get(attributes.namespace)
        if lock is None:
            lock = self._locks[attributes.namespace] = asyncio.Lock()
        async with lock:
            for _ in range(_ATTEMPTS):
                if await self._charge(attributes):
                    return
        raise refuse(attributes, "the quotas of the namespace are being changed all the time")

    async def _charge(self, attributes: AdmissionAttributes) -> bool:
        """Check every quota, then count. False: a quota changed meanwhile."""
        charges = [
            (quota, status)
            for quota in self._objects.list(QUOTAS, attributes.namespace)
            if (status := charged(quota, attributes, self._objects)) is not None
        ]
        if attributes.dry_run:
            return True
        for quota, status in charges:
            if not await self._write_status(quota, status):
                return False
        return True


def _counts(attributes: AdmissionAttributes) -> bool:
    group, _, plural = attributes.gvr
    if (group, plural) in _UNCOUNTED or attributes.subresource:
        return not group and plural == "pods" and attributes.subresource == "resize"
    if attributes.operation is CREATE or group:
        return attributes.operation is CREATE
    return plural in _UPDATED or (plural == "pods" and _changes_scope(attributes.old_obj, attributes.obj))


def _changes_scope(old: Obj | None, new: Obj | None) -> bool:
    return old is not None and new is not None and is_terminating(old) != is_terminating(new)


def charged(quota: Obj, attributes: AdmissionAttributes, objects: Reader) -> Obj | None:
    """The quota's status with the write counted in; None if it has nothing to do with it. Raises the 403."""
    obj = attributes.obj
    assert obj is not None
    status = quota.get("status") or {}
    hard = {name: parse(value) for name, value in (status.get("hard") or {}).items()}
    name = quota["metadata"]["name"]
    used_now = usage(attributes.gvr, obj, objects)
    limited = [item for item in hard if item in used_now or _may_use(attributes.gvr, item)]
    if not limited or not in_all_scopes(quota, attributes.gvr, obj):
        return None
    if attributes.gvr.resource == "pods" and not attributes.gvr.group:
        missing = unstated(obj, limited)
        if missing:
            raise refuse(attributes, f"failed quota: {name}: must specify {missing}")
    used = {item: parse(value) for item, value in (status.get("used") or {}).items()}
    if any(item not in used for item in limited):
        raise refuse(attributes, f"status unknown for quota: {name}, resources: {','.join(sorted(limited))}")
    old = attributes.old_obj if attributes.operation is UPDATE else None
    counted = old is not None and in_all_scopes(quota, attributes.gvr, old)
    before = usage(attributes.gvr, old, objects) if old is not None and counted else {}
    delta = {item: _more(used_now[item], before.get(item)) for item in limited if item in used_now}
    if not any(value.nanos for value in delta.values()):
        return None
    _must_fit(attributes, name, delta, used, hard)
    totals = {item: str(used[item] + value) for item, value in delta.items()}
    return {**status, "used": {**(status.get("used") or {}), **totals}}


def _more(now: Quantity, before: Quantity | None) -> Quantity:
    """What an update adds; what it gives back is for the controller to count."""
    if before is None:
        return now
    return now - before if before < now else Quantity(0)


def _must_fit(attributes: AdmissionAttributes, name: str, delta: Usage, used: Usage, hard: Usage) -> None:
    over = sorted(item for item, more in delta.items() if more.nanos > 0 and hard[item] < used[item] + more)
    if over:
        raise refuse(
            attributes,
            f"exceeded quota: {name}, requested: {_printed(delta, over)}, used: {_printed(used, over)}, "
            f"limited: {_printed(hard, over)}",
        )


def _printed(amounts: dict[str, Quantity], names: Iterable[str]) -> str:
    return ",".join(f"{name}={amounts[name]}" for name in names)


def _may_use(resource: GVR, item: str) -> bool:
    """Compute resources concern every Pod, whether it states them or not."""
    if resource.group or resource.resource != "pods":
        return False
    return item in _OF_EVERY_POD or item.startswith(("hugepages-", "requests.hugepages-"))
