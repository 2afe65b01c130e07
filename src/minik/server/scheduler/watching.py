"""What the watches say, taken into the scheduler's cache and queue, and told to the Pods that wait."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from minik.api.types import Obj
from minik.client.informer import Change, Handler, Informer, Informers
from minik.client.resources import NODES, PODS
from minik.server.scheduler.cache import Cache
from minik.server.scheduler.events import Event, Happening
from minik.server.scheduler.framework import Profile
from minik.server.scheduler.node_info import pod_info
from minik.server.scheduler.queue import SchedulingQueue
from minik.server.scheduler.resizing import resizes

# resource -> the event when an object of it comes or changes
_EVENTS = {
    "persistentvolumes": Event.VOLUME,
    "persistentvolumeclaims": Event.VOLUME_CLAIM,
    "storageclasses": Event.STORAGE_CLASS,
    "csinodes": Event.CSI_NODE,
    "csidrivers": Event.CSI_DRIVER,
    "csistoragecapacities": Event.CSI_CAPACITY,
    "resourceclaims": Event.CLAIM,
    "resourceslices": Event.SLICE,
    "deviceclasses": Event.DEVICE_CLASS,
}
# the event when one goes, where that may help anybody
_EVENTS_OF_ENDS = {
    "volumeattachments": Event.ATTACHMENT_GONE,
    "resourceclaims": Event.CLAIM,
    "devicetaintrules": Event.DEVICE_TAINTS,
}


class Watching:
    """Follows Pods, nodes, and what plugins decide by, into one cache and one queue."""

    def __init__(
        self,
        informers: Informers,
        profiles: Mapping[str, Profile],
        cache: Cache,
        queue: SchedulingQueue,
        pod_gone: Callable[[str], None],
    ) -> None:
        """`pod_gone` is told the uid of every Pod that went or is going, or has ended."""
        self._pods, self._nodes = informers.of(PODS), informers.of(NODES)
        self._profiles, self._cache, self._queue, self._pod_gone = profiles, cache, queue, pod_gone
        self._handled: list[tuple[Informer, Handler]] = []

    async def start(self) -> None:
        """Returns when everything is known."""
        await self._nodes.wait_synced()
        self._follow(self._nodes, self._nodes_changed)
        for informer in self._deciding():
            await informer.wait_synced()
            self._follow(informer, partial(self._others_changed, informer.resource.resource))
        self._follow(self._pods, self._pods_changed)
        await self._pods.wait_synced()

    def stop(self) -> None:
        for informer, handler in self._handled:
            informer.remove_handler(handler)
        self._handled.clear()

    def _follow(self, informer: Informer, handler: Handler) -> None:
        informer.add_handler(handler)
        self._handled.append((informer, handler))

    def _deciding(self) -> Iterable[Informer]:
        """The caches that plugins decide by, each once."""
        plugins: list[Any] = [
            enabled.plugin for profile in self._profiles.values() for enabled in profile.at("informers")
        ]
        return dict.fromkeys(informer for plugin in plugins for informer in plugin.informers)

    # -- nodes and what plugins look up

    def _nodes_changed(self, changes: Sequence[Change]) -> None:
        happenings: list[Happening] = []
        for old, new in changes_of(changes):
            if new is not None:
                happenings += [Happening(event, old, new) for event in self._cache.set_node(new)]
            elif old is not None:
                self._cache.remove_node(old["metadata"]["name"])
                happenings.append(Happening(Event.NODE_GONE, old))
        self._queue.happened(happenings)

    def _others_changed(self, resource: str, changes: Sequence[Change]) -> None:
        known = resource in _EVENTS or resource in _EVENTS_OF_ENDS
        happenings = []
        for old, new in changes_of(changes):
            event = (_EVENTS if new is not None else _EVENTS_OF_ENDS).get(resource) if known else Event.STORAGE
            if resource == "devicetaintrules":
                event = Event.DEVICE_TAINTS
            if event is not None:
                happenings.append(Happening(event, old, new))
        self._queue.happened(happenings)

    # -- Pods

    def _pods_changed(self, changes: Sequence[Change]) -> None:
        happenings: list[Happening] = []
        for change in changes:
            happened = self._pod_changed(change)
            if happened is not None:
                happenings.append(happened)
        self._queue.happened(happenings)

    def _pod_changed(self, change: Change) -> Happening | None:
        pod = change.obj
        meta, spec = pod["metadata"], pod["spec"]
        key = f"{meta['namespace']}/{meta['name']}"
        finished = (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed")
        if change.new is None or finished:
            self._queue.remove(key)
            self._pod_gone(meta["uid"])
            return Happening(Event.POD_GONE, pod) if self._cache.remove_pod(meta["uid"]) else None
        if spec.get("nodeName"):
            return self._assigned_changed(change, key)
        if meta.get("deletionTimestamp"):
            self._queue.remove(key)
            self._pod_gone(meta["uid"])
            return None
        if spec.get("schedulerName") in self._profiles:
            info = pod_info(pod)
            nominated = _nominated(pod)
            if nominated != (_nominated(change.old) if change.old is not None else ""):
                self._cache.nominate(info, nominated)
            if _concerns_scheduling(change):
                self._queue.add(info)
            else:
                self._queue.refresh(info)
        return None

    def _assigned_changed(self, change: Change, key: str) -> Happening | None:
        old, new = change.old, change.obj
        was_assigned = old is not None and bool(old["spec"].get("nodeName"))
        if old is None or not was_assigned:
            self._queue.remove(key)
            self._cache.set_pod(pod_info(new), new["spec"]["nodeName"])
            return Happening(Event.POD_ASSIGNED, None, new)
        before, after = old["metadata"], new["metadata"]
        relabelled = before.get("labels") != after.get("labels")
        resized = (old["spec"] is not new["spec"] and old["spec"] != new["spec"]) or resizes(old) != resizes(new)
        if not relabelled and not resized and before.get("deletionTimestamp") == after.get("deletionTimestamp"):
            self._cache.refresh_pod(new)
            return None
        self._cache.set_pod(pod_info(new), new["spec"]["nodeName"])
        if relabelled:
            return Happening(Event.POD_LABELS, old, new)
        return Happening(Event.POD_SCALED_DOWN, old, new) if resized else None


def changes_of(changes: Sequence[Change]) -> Iterable[tuple[Obj | None, Obj | None]]:
    return ((change.old if change.new is not None else change.obj, change.new) for change in changes)


def _nominated(pod: Obj) -> str:
    return (pod.get("status") or {}).get("nominatedNodeName") or ""


def _concerns_scheduling(change: Change) -> bool:
    """A new Pod, or one whose spec or labels changed; of its status only the claims made for it matter."""
    old, new = change.old, change.obj
    if old is None or old["spec"] != new["spec"] or old["metadata"].get("labels") != new["metadata"].get("labels"):
        return True
    claims = ((obj.get("status") or {}).get("resourceClaimStatuses") for obj in (old, new))
    return bool(next(claims) != next(claims))
