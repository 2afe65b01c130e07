"""Keeps the status of ResourceQuotas true: counts anew when a quota is made or changed, or something counted goes.

Writes are counted at once by admission (apiserver/admission/resource_quota.py). A write that was counted and then
failed is found by a recount some time after the last change of the quota.
https://kubernetes.io/docs/concepts/policy/resource-quotas/
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from functools import partial

from minik.api.types import GVR, Obj
from minik.client.client import Client
from minik.client.controller import Controller
from minik.client.informer import Change, Informer, object_key, split_key
from minik.client.resources import DEVICE_CLASSES, RESOURCE_QUOTAS
from minik.server.controllers import indexes
from minik.server.controllers.context import ControllerContext
from minik.server.controllers.discovery import Discovery
from minik.server.controllers.objects import is_deleting
from minik.server.controllers.resource_quota_plan import changes_usage, counted, needed, new_status, same

RECOUNT = 300.0  # seconds after the quota's last change, as upstream's full sync
SETTLE = 5.0  # seconds after a correction, when writes that were under way have arrived
SYNC_TIMEOUT = 30.0  # seconds for a cache to be filled
IN_FLIGHT = 0.5  # seconds in which what admission has counted becomes visible


class ResourceQuotaController(Controller):
    name = "resourcequota-controller"
    workers = 5

    def __init__(self, context: ControllerContext) -> None:
        super().__init__(clock=context.clock)
        self._client: Client = context.client_for(self.name)
        self._shared = context.informers
        self._discover = context.discover
        self._counted_at: dict[str, float] = {}  # when admission last counted something in
        self._counted: dict[GVR, Informer] = {}  # what some quota counts; nothing else is cached
        self._quotas = self.watch(
            context.informers.of(RESOURCE_QUOTAS, indexes=indexes.BY_NAMESPACE), self._keys_of_quota
        )

    def _keys_of_quota(self, change: Change) -> Iterable[str]:
        key, new = object_key(change.obj), change.new
        if new is None:
            self._counted_at.pop(key, None)
            return
        if change.old is None or change.old["spec"] != new["spec"] or _is_foreign(new):
            yield key
        else:  # admission counts something in
            self._counted_at[key] = self.clock.monotonic()
            self.queue.add_after(key, RECOUNT)

    def _keys_of_counted(self, resource: GVR, change: Change) -> Iterable[str]:
        quotas = self._quotas.by_index(indexes.NAMESPACE, change.obj["metadata"].get("namespace", ""))
        if quotas and changes_usage(resource, change.old, change.new):
            for quota in quotas:
                if any((resource.group, resource.resource) in counted(item) for item in _limited(quota)):
                    yield object_key(quota)

    async def reconcile(self, key: str) -> float | None:
        discovery = await self._discover()
        self._forget_unserved(discovery)
        quota = self._quotas.get_key(key)
        if quota is None or is_deleting(quota):
            return None
        namespace, _ = split_key(key)
        objects = {
            resource: informer.by_index(indexes.NAMESPACE, "" if resource == DEVICE_CLASSES else namespace)
            for resource, informer in await self._informers_of(quota, discovery)
        }
        old = quota.get("status") or {}
        status = new_status(quota, objects)
        if same(old, status) and "hard" in old:
            return None
        wait = self._counted_at.get(key, 0.0) + IN_FLIGHT - self.clock.monotonic()
        if wait > 0 and old.get("hard") == status["hard"]:
            return wait  # or what is on its way would be admitted twice
        await self._client.update(RESOURCE_QUOTAS, {**quota, "status": status}, namespace, subresource="status")
        return SETTLE

    async def _informers_of(self, quota: Obj, discovery: Discovery) -> Sequence[tuple[GVR, Informer]]:
        """The caches of everything counting needs; those not asked for before are filled first."""
        wanted = needed(quota)
        found = []
        for resource in discovery.resources:
            gvr = resource.gvr
            if not (resource.namespaced or gvr == DEVICE_CLASSES) or not {"list", "watch"} <= resource.verbs:
                continue
            if (gvr.group, gvr.resource) in wanted:
                informer = self._informer(gvr)
                async with asyncio.timeout(SYNC_TIMEOUT):  # it may have gone since; then discovery will tell
                    await informer.wait_synced()
                found.append((gvr, informer))
        return found

    def _forget_unserved(self, discovery: Discovery) -> None:
        """Custom resources go with their definitions; a group that only did not answer is still served."""
        served = {resource.gvr for resource in discovery.resources}
        silent = {group.partition("/")[0] for group in discovery.failures}
        for gvr in [gvr for gvr in self._counted if gvr not in served and gvr.group not in silent]:
            informer = self._counted.pop(gvr)
            self._informers.remove(informer)
            self._shared.forget(informer)

    def _informer(self, resource: GVR) -> Informer:
        informer = self._counted.get(resource)
        if informer is None:
            informer = self._counted[resource] = self._shared.of(resource, indexes=indexes.BY_NAMESPACE)
            keys: Callable[[Change], Iterable[str]] = partial(self._keys_of_counted, resource)
            self.watch(informer, keys)
        return informer


def _is_foreign(quota: Obj) -> bool:
    """Whether the status cannot be admission's or this controller's: somebody patched it."""
    status = quota.get("status") or {}
    return "hard" in status and (status["hard"] != (quota["spec"].get("hard") or {}) or "used" not in status)


def _limited(quota: Obj) -> Iterable[str]:
    return quota["spec"].get("hard") or ()
