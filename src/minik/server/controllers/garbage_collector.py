"""Deletes objects whose owners are gone, in the background, the foreground, or not at all (orphans).

    every deletable resource --changes--> owner_graph.py --uids--> queue --> look again at the live object, then act

Before anything is deleted or detached the API is asked, not the cache, and every write carries the uid or version it
is meant for. Behaviour: https://kubernetes.io/docs/concepts/architecture/garbage-collection/
"""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field

from minik.api.status import StatusError
from minik.api.types import GVR, Obj
from minik.client.client import Client
from minik.client.controller import Controller
from minik.client.events import WARNING, object_reference
from minik.client.informer import Change, Handler, Informer
from minik.server.controllers.context import ControllerContext
from minik.server.controllers.discovery import ApiResource, Discovery
from minik.server.controllers.owner_graph import (
    FOREGROUND,
    ORPHAN,
    Node,
    OwnerGraph,
    defined_kinds,
    refers_to,
    slim,
    slim_definition,
    split_references,
)

log = logging.getLogger("minik.garbage-collector")

CUSTOM_RESOURCES = GVR("apiextensions.k8s.io", "v1", "customresourcedefinitions")
API_SERVICES = GVR("apiregistration.k8s.io", "v1", "apiservices")
SYNC_TIMEOUT = 30.0  # seconds to wait for a resource that cannot be listed before going on without it
RESYNC_DELAY = 0.5  # seconds after a change of what is served; several CRDs come together
DISCOVERY_RETRY = 5.0
ABSENT_CACHE = 500
_IGNORED = {("", "events"), ("events.k8s.io", "events")}


class UnknownOwnerError(Exception):
    """An owner whose kind is not served (yet), or that cannot be: nothing may be concluded about it."""


@dataclass(slots=True)
class _Owners:
    """The owner references of a live object by what is true of the owner."""

    solid: list[Obj] = field(default_factory=list)
    dangling: list[Obj] = field(default_factory=list)
    waiting: list[Obj] = field(default_factory=list)  # deleted in the foreground, waits for this one


@dataclass(frozen=True, slots=True)
class _Monitor:
    informer: Informer
    handler: Handler
    task: asyncio.Task[None] | None  # None: the informer is shared and others run it


class GarbageCollector(Controller):
    name = "generic-garbage-collector"
    workers = 20

    def __init__(self, context: ControllerContext) -> None:
        super().__init__(clock=context.clock)
        self._client: Client = context.client_for(self.name)
        self._recorder = context.events.recorder("garbage-collector-controller")
        self._context = context
        self._graph = OwnerGraph()
        self._discovery = Discovery((), {}, {})
        self._monitors: dict[GVR, _Monitor] = {}
        self._resources_changed = asyncio.Event()
        self._puzzling: set[str] = set()  # uids with an unknown owner: looked at again when what is served changes
        self._absent: OrderedDict[tuple[str, str], None] = OrderedDict()  # (uid, namespace) known not to be
        self._undefined: OrderedDict[tuple[str, str], str] = OrderedDict()  # (apiVersion, kind) -> definition that went

    async def run(self, ready: asyncio.Event) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                await self._sync_monitors(group)
                await asyncio.gather(*(self._wait_synced(m.informer) for m in self._monitors.values()))
                group.create_task(self._follow_discovery(group), name=f"{self.name} discovery")
                group.create_task(super().run(ready), name=self.name)
        finally:
            for gvr in [*self._monitors]:
                self._stop_monitor(gvr)

    # -- what is watched

    async def _follow_discovery(self, group: asyncio.TaskGroup) -> None:
        while True:
            await self._resources_changed.wait()
            await asyncio.sleep(RESYNC_DELAY)
            self._resources_changed.clear()
            await self._sync_monitors(group)

    async def _sync_monitors(self, group: asyncio.TaskGroup) -> None:
        while True:
            try:
                self._discovery = await self._context.discover()
                break
            except (StatusError, OSError) as error:
                log.warning("cannot ask what is served: %s", error)
                await asyncio.sleep(DISCOVERY_RETRY)
        served = {r.gvr: r for r in self._discovery.resources if _is_collectable(r)}
        for gvr in [gvr for gvr in self._monitors if gvr not in served]:
            self._stop_monitor(gvr)
            for uid in self._graph.forget(gvr):
                self.queue.add(f"look/{uid}")
        for gvr, resource in served.items():
            if gvr not in self._monitors:
                self._monitors[gvr] = self._start_monitor(group, resource)
        while self._puzzling:
            self.queue.add(f"look/{self._puzzling.pop()}")

    def _start_monitor(self, group: asyncio.TaskGroup, resource: ApiResource) -> _Monitor:
        def handle(changes: Sequence[Change]) -> None:
            for change in changes:
                self._observe(resource, change)

        shared = self._context.informers.existing(resource.gvr)
        if shared is not None:
            shared.add_handler(handle)
            return _Monitor(shared, handle, None)
        transform = slim_definition if resource.gvr == CUSTOM_RESOURCES else slim
        informer = Informer(self._client, resource.gvr, transform=transform)
        informer.add_handler(handle)
        task = group.create_task(informer.run(asyncio.Event()), name=f"gc {informer.name}")
        return _Monitor(informer, handle, task)

    def _stop_monitor(self, gvr: GVR) -> None:
        monitor = self._monitors.pop(gvr)
        monitor.informer.remove_handler(monitor.handler)
        if monitor.task is not None:
            monitor.task.cancel()

    async def _wait_synced(self, informer: Informer) -> None:
        try:
            async with asyncio.timeout(SYNC_TIMEOUT):
                await informer.wait_synced()
        except TimeoutError:
            log.warning("going on without %s, which cannot be listed", informer.resource.resource)

    def _observe(self, resource: ApiResource, change: Change) -> None:
        if resource.gvr in (CUSTOM_RESOURCES, API_SERVICES):
            self._resources_changed.set()
        if resource.gvr == CUSTOM_RESOURCES:
            self._remember_definition(change)
        if change.new is None:
            metadata = change.obj["metadata"]
            self._remember_absent(metadata["uid"], metadata.get("namespace", ""))
        effects = self._graph.apply(resource, change)
        for uid in effects.look_at:
            self.queue.add(f"look/{uid}")
        for uid in effects.orphan:
            self.queue.add(f"orphan/{uid}")
        for node, reference in effects.misplaced:
            self._report_misplaced(node, reference)

    def _report_misplaced(self, node: Node, reference: Obj) -> None:
        described = (
            f"[{reference['apiVersion']}/{reference['kind']}, namespace: {node.namespace}, "
            f"name: {reference['name']}, uid: {reference['uid']}]"
        )
        text = f'ownerRef {described} does not exist in namespace "{node.namespace}"'
        obj = {"metadata": {"name": node.name, "namespace": node.namespace, "uid": node.uid}}
        about = object_reference(node.gvr.api_version, node.kind, obj)
        self._recorder.event(about, WARNING, "OwnerRefInvalidNamespace", text)

    # -- what is done

    async def reconcile(self, key: str) -> float | None:
        doing, _, uid = key.partition("/")
        node = self._graph.get(uid)
        if node is None:
            return None
        if doing == "orphan":
            await self._orphan_dependents(node)
        else:
            try:
                await self._look_at(node)
            except UnknownOwnerError as error:
                log.debug("%s %s/%s: %s", node.kind, node.namespace, node.name, error)
                self._puzzling.add(uid)
        return None

    async def _look_at(self, node: Node) -> None:
        if node.deleting and not node.deleting_dependents:
            return
        if not node.deleting_dependents and self._is_plainly_owned(node):
            return
        live = await self._live(node.gvr, node.name, node.namespace, node.uid)
        if live is None:
            return  # the watch will tell
        if node.deleting_dependents:
            await self._let_go_when_alone(node, live)
            return
        references = live["metadata"].get("ownerReferences") or []
        if references:
            await self._act(node, live, await self._classify(node, references))

    def _is_plainly_owned(self, node: Node) -> bool:
        """Every owner is there: nothing to ask the API about, which is so for almost every object at start."""
        for reference in node.owners:
            owner = self._graph.get(reference["uid"])
            if owner is None or owner.deleting_dependents or not refers_to(node, reference, owner):
                return False
        return True

    async def _let_go_when_alone(self, node: Node, live: Obj) -> None:
        blocking = [*self._graph.blocking_dependents(node.uid)]
        if not blocking:
            await self._remove_finalizer(node, live, FOREGROUND)
        for dependent in blocking:
            if not dependent.deleting_dependents:
                self.queue.add(f"look/{dependent.uid}")

    async def _classify(self, node: Node, references: Sequence[Obj]) -> _Owners:
        owners = _Owners()
        for reference in references:
            owner = self._graph.get(reference["uid"])
            if owner is not None and refers_to(node, reference, owner):
                (owners.waiting if owner.deleting_dependents else owners.solid).append(reference)
                continue
            live = await self._live_owner(node, reference)
            if live is None:
                owners.dangling.append(reference)
            elif "deletionTimestamp" in live["metadata"] and FOREGROUND in live["metadata"].get("finalizers", ()):
                owners.waiting.append(reference)
            else:
                owners.solid.append(reference)
        return owners

    async def _live_owner(self, node: Node, reference: Obj) -> Obj | None:
        """The owner as the API has it; None when it is gone. Raises UnknownOwnerError."""
        if not self._absent.keys().isdisjoint({(reference["uid"], ""), (reference["uid"], node.namespace)}):
            return None  # also when its kind is no longer served: it was seen to go
        kind = self._discovery.kinds.get((reference["apiVersion"], reference["kind"]))
        if kind is None:
            if await self._is_undefined(reference):
                return None
            raise UnknownOwnerError(f"{reference['apiVersion']} {reference['kind']} is not served")
        if kind.namespaced and not node.namespace:
            raise UnknownOwnerError("a cluster-scoped object cannot have a namespaced owner")
        namespace = node.namespace if kind.namespaced else ""
        live = await self._live(kind.gvr, reference["name"], namespace, reference["uid"])
        if live is None:
            self._remember_absent(reference["uid"], namespace)
        return live

    async def _act(self, node: Node, live: Obj, owners: _Owners) -> None:
        if owners.solid:
            if owners.dangling or owners.waiting:
                await self._detach(node.gvr, live, {ref["uid"] for ref in (*owners.dangling, *owners.waiting)})
        elif owners.waiting and (dependents := self._graph.dependents(node.uid)):
            if any(dependent.deleting_dependents for dependent in dependents):
                live = await self._unblock_owners(node, live)  # a cycle would wait for itself
            await self._delete(node, live, "Foreground")
        else:
            await self._delete(node, live, _policy(live))

    async def _orphan_dependents(self, node: Node) -> None:
        for dependent in self._graph.dependents(node.uid):
            live = await self._live(dependent.gvr, dependent.name, dependent.namespace, dependent.uid)
            if live is not None:
                await self._detach(dependent.gvr, live, {node.uid})
        live = await self._live(node.gvr, node.name, node.namespace, node.uid)
        if live is not None:
            await self._remove_finalizer(node, live, ORPHAN)

    # -- writes

    async def _detach(self, gvr: GVR, live: Obj, uids: set[str]) -> None:
        kept = split_references(live["metadata"].get("ownerReferences") or (), uids)
        await self._patch_metadata(gvr, live, {"ownerReferences": kept or None})

    async def _unblock_owners(self, node: Node, live: Obj) -> Obj:
        references = live["metadata"].get("ownerReferences") or ()
        unblocked = [{**reference, "blockOwnerDeletion": False} for reference in references]
        return await self._patch_metadata(node.gvr, live, {"ownerReferences": unblocked})

    async def _remove_finalizer(self, node: Node, live: Obj, finalizer: str) -> None:
        present = live["metadata"].get("finalizers") or []
        if finalizer in present:
            kept = [name for name in present if name != finalizer]
            await self._patch_metadata(node.gvr, live, {"finalizers": kept or None})

    async def _patch_metadata(self, gvr: GVR, live: Obj, changes: Obj) -> Obj:
        """The object afterwards; as it was when it is gone."""
        metadata = live["metadata"]
        patch = {"metadata": {"resourceVersion": metadata["resourceVersion"], "uid": metadata["uid"], **changes}}
        try:
            return await self._client.patch(gvr, metadata["name"], patch, metadata.get("namespace"))
        except StatusError as error:
            if error.code != 404:
                raise
            return live

    async def _delete(self, node: Node, live: Obj, policy: str) -> None:
        metadata = live["metadata"]
        try:
            await self._client.delete(
                node.gvr,
                node.name,
                node.namespace or None,
                propagation_policy=policy,
                uid=node.uid,
                resource_version=metadata["resourceVersion"],
            )
        except StatusError as error:
            if error.code != 404:
                raise

    async def _live(self, gvr: GVR, name: str, namespace: str, uid: str) -> Obj | None:
        try:
            obj = await self._client.get(gvr, name, namespace or None)
        except StatusError as error:
            if error.code == 404:
                return None
            raise
        return obj if obj["metadata"]["uid"] == uid else None

    async def _is_undefined(self, reference: Obj) -> bool:
        """Whether the owner's kind was a custom resource whose definition is gone, and all its objects with it."""
        name = self._undefined.get((reference["apiVersion"], reference["kind"]))
        if name is None:
            return False
        try:
            await self._client.get(CUSTOM_RESOURCES, name)
        except StatusError as error:
            if error.code != 404:
                raise
            return True
        return False

    def _remember_definition(self, change: Change) -> None:
        for kind in defined_kinds(change.obj):
            self._undefined.pop(kind, None)
            if change.new is None:
                self._undefined[kind] = change.obj["metadata"]["name"]
                if len(self._undefined) > ABSENT_CACHE:
                    self._undefined.popitem(last=False)

    def _remember_absent(self, uid: str, namespace: str) -> None:
        self._absent[uid, namespace] = None
        if len(self._absent) > ABSENT_CACHE:
            self._absent.popitem(last=False)


def _policy(live: Obj) -> str:
    finalizers = live["metadata"].get("finalizers") or ()
    return "Orphan" if ORPHAN in finalizers else "Foreground" if FOREGROUND in finalizers else "Background"


def _is_collectable(resource: ApiResource) -> bool:
    ignored = (resource.gvr.group, resource.gvr.resource) in _IGNORED
    return not ignored and {"delete", "list", "watch"} <= resource.verbs
