"""The scheduler: finds a node for every Pod that has none.

One loop decides, one Pod at a time, on the cache; bindings go to the API server concurrently. A refused Pod gets its
PodScheduled condition and a FailedScheduling event, and sleeps until an event its refusing plugins care about.
"""

import asyncio
import logging
import random
from collections.abc import Sequence

from minik.api.status import StatusError
from minik.api.types import Obj
from minik.client.client import STRATEGIC_MERGE_PATCH, Client
from minik.client.clock import Clock, SystemClock, format_time
from minik.client.events import NORMAL, WARNING, EventRecorder, object_reference
from minik.client.informer import Change, Informer, Informers
from minik.client.resources import NODES, PODS
from minik.server.scheduler.cache import Cache
from minik.server.scheduler.framework import CycleState, Diagnosis, Event, Profile, Snapshot
from minik.server.scheduler.node_info import NodeInfo, PodInfo, pod_info
from minik.server.scheduler.plugins.default_preemption import Preemption
from minik.server.scheduler.profiles import default_profile
from minik.server.scheduler.queue import QueuedPod, SchedulingQueue

log = logging.getLogger("minik.scheduler")

MAX_BINDINGS = 100  # under way at once


class Scheduler:
    """Component "scheduler". `client` speaks as system:kube-scheduler."""

    name = "scheduler"

    def __init__(
        self,
        client: Client,
        informers: Informers,
        recorder: EventRecorder,
        *,
        profiles: Sequence[Profile] = (),
        clock: Clock | None = None,
    ) -> None:
        self._client = client
        self._informers = informers
        self._recorder = recorder
        self.profiles = {profile.name: profile for profile in profiles or (default_profile(client, informers),)}
        self._clock = clock or SystemClock()

    @property
    def cache(self) -> Cache:
        """What is decided by; others only read it."""
        return self._cache

    @property
    def queue(self) -> SchedulingQueue:
        return self._queue

    async def run(self, ready: asyncio.Event) -> None:
        self._cache = Cache()
        first = next(iter(self.profiles.values()))
        self._queue = SchedulingQueue(self._clock, first.at("sort_key")[0].plugin.sort_key)
        self._bindings = asyncio.Semaphore(MAX_BINDINGS)
        pods, nodes = self._informers.of(PODS), self._informers.of(NODES)
        await nodes.wait_synced()
        nodes.add_handler(self._nodes_changed)
        storage = self._storage()
        for informer in storage:
            await informer.wait_synced()
            informer.add_handler(self._storage_changed)
        pods.add_handler(self._pods_changed)
        try:
            await pods.wait_synced()
            ready.set()
            async with asyncio.TaskGroup() as tasks:
                while True:
                    await self._schedule_one(await self._queue.pop(), tasks)
        finally:
            self._queue.close()
            pods.remove_handler(self._pods_changed)
            nodes.remove_handler(self._nodes_changed)
            for informer in storage:
                informer.remove_handler(self._storage_changed)

    # -- what the watches say

    def _nodes_changed(self, changes: Sequence[Change]) -> None:
        events: set[Event] = set()
        for change in changes:
            if change.new is not None:
                events |= self._cache.set_node(change.new)
            else:
                self._cache.remove_node(change.obj["metadata"]["name"])
        self._queue.happened(events)

    def _storage(self) -> Sequence[Informer]:
        """The caches of volumes that plugins decide by."""
        return [
            informer
            for profile in self.profiles.values()
            for enabled in profile.at("informers")
            for informer in enabled.plugin.informers
        ]

    def _storage_changed(self, changes: Sequence[Change]) -> None:
        self._queue.happened({Event.STORAGE})

    def _pods_changed(self, changes: Sequence[Change]) -> None:
        events: set[Event] = set()
        for change in changes:
            events |= self._pod_changed(change)
        self._queue.happened(events)

    def _pod_changed(self, change: Change) -> set[Event]:
        pod = change.obj
        meta, spec = pod["metadata"], pod["spec"]
        key = f"{meta['namespace']}/{meta['name']}"
        finished = (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed")
        if change.new is None or finished:
            self._queue.remove(key)
            return {Event.POD_GONE} if self._cache.remove_pod(meta["uid"]) else set()
        if spec.get("nodeName"):
            if change.old is not None and change.old["spec"] is spec:
                return set()
            self._queue.remove(key)
            self._cache.set_pod(pod_info(pod), spec["nodeName"])
            return {Event.POD_ASSIGNED}
        if meta.get("deletionTimestamp"):
            self._queue.remove(key)
            return set()
        if spec.get("schedulerName") in self.profiles and _concerns_scheduling(change):
            self._enqueue(pod_info(pod))
        return set()

    def _enqueue(self, pod: PodInfo) -> None:
        profile = self.profiles[pod.spec["schedulerName"]]
        if all(enabled.plugin.pre_enqueue(pod) is None for enabled in profile.at("pre_enqueue")):
            self._queue.add(pod)

    # -- one cycle

    async def _schedule_one(self, queued: QueuedPod, tasks: asyncio.TaskGroup) -> None:
        pod = queued.pod
        profile = self.profiles[pod.spec["schedulerName"]]
        state: CycleState = {}
        snapshot = self._cache.snapshot(pod)
        try:
            fitting, diagnosis = profile.feasible(state, pod, snapshot)
            if fitting:
                node_name = self._choose(profile, state, pod, fitting, snapshot)
                self._cache.set_pod(pod, node_name)
                await self._bindings.acquire()
                tasks.create_task(self._bind(profile, state, queued, node_name), name=f"bind {pod.key}")
                return
        except Exception:
            log.exception("scheduling %s failed", pod.key)
            self._queue.refuse(queued, frozenset(Event), retry=True)
            return
        preemption = self._preempt(profile, state, pod, snapshot, diagnosis)
        wakers: frozenset[Event] = frozenset().union(*(profile.events_of(p) for p in diagnosis.plugins))
        if not diagnosis.refusals:
            wakers = frozenset({Event.NODE_ADDED})
        if preemption.node:
            self._cache.nominate(pod, preemption.node)
            wakers |= {Event.POD_GONE}
        self._queue.refuse(queued, wakers)
        message = diagnosis.message(len(snapshot.nodes), preemption.message)
        tasks.create_task(self._tell_refused(pod, message, preemption), name=f"refuse {pod.key}")

    def _choose(
        self, profile: Profile, state: CycleState, pod: PodInfo, fitting: Sequence[NodeInfo], snapshot: Snapshot
    ) -> str:
        if len(fitting) == 1:
            return fitting[0].name
        scores = profile.score(state, pod, fitting, snapshot)
        best = max(scores.values())
        return random.choice([name for name, score in scores.items() if score == best])

    def _preempt(
        self, profile: Profile, state: CycleState, pod: PodInfo, snapshot: Snapshot, diagnosis: Diagnosis
    ) -> Preemption:
        for enabled in profile.at("post_filter"):
            found: Preemption = enabled.plugin.post_filter(profile, state, pod, snapshot, diagnosis)
            return found
        return Preemption()

    async def _bind(self, profile: Profile, state: CycleState, queued: QueuedPod, node_name: str) -> None:
        pod = queued.pod
        reserved = []
        try:
            for enabled in profile.at("reserve"):
                reserved.append(enabled)
                await enabled.plugin.reserve(state, pod, node_name)
            for point in ("permit", "pre_bind", "bind", "post_bind"):
                for enabled in profile.at(point):
                    await getattr(enabled.plugin, point)(state, pod, node_name)
            self._queue.done(queued)
        except (StatusError, ConnectionError, TimeoutError) as error:
            for enabled in reversed(reserved):
                await enabled.plugin.unreserve(state, pod, node_name)
            self._cache.remove_pod(pod.uid)
            if isinstance(error, StatusError) and error.code == 404:
                self._queue.done(queued)  # the Pod went meanwhile
            else:
                log.warning("binding %s to %s failed: %s", pod.key, node_name, error)
                self._queue.refuse(queued, frozenset(Event), retry=True)
            return
        finally:
            self._bindings.release()
        self._record(pod, NORMAL, "Scheduled", f"Successfully assigned {pod.key} to {node_name}", "Binding")

    # -- what refused Pods are told

    async def _tell_refused(self, pod: PodInfo, message: str, preemption: Preemption) -> None:
        self._record(pod, WARNING, "FailedScheduling", message, "Scheduling")
        status: Obj = {}
        had: Obj = next(
            (c for c in (pod.obj.get("status") or {}).get("conditions") or () if c["type"] == "PodScheduled"), {}
        )
        if (had.get("status"), had.get("reason"), had.get("message")) != ("False", "Unschedulable", message):
            since = had.get("lastTransitionTime") if had.get("status") == "False" else None
            status["conditions"] = [
                {
                    "type": "PodScheduled",
                    "status": "False",
                    "reason": "Unschedulable",
                    "message": message,
                    "lastTransitionTime": since or format_time(self._clock.now()),
                    "observedGeneration": pod.obj["metadata"].get("generation"),
                }
            ]
        if preemption.node:
            status["nominatedNodeName"] = preemption.node
        try:
            if status:
                await self._patch_status(pod, status)
            for victim in preemption.victims:
                await self._evict(victim, pod)
        except (StatusError, ConnectionError) as error:
            log.debug("telling %s that it does not fit: %s", pod.key, error)

    async def _evict(self, victim: PodInfo, pod: PodInfo) -> None:
        condition = {
            "type": "DisruptionTarget",
            "status": "True",
            "reason": "PreemptionByScheduler",
            "message": f"{pod.spec['schedulerName']}: preempting to accommodate a higher priority pod",
            "lastTransitionTime": format_time(self._clock.now()),
        }
        await self._patch_status(victim, {"conditions": [condition]})
        await self._client.delete(PODS, victim.name, victim.namespace, uid=victim.uid)
        node = victim.spec.get("nodeName", "")
        self._record(victim, NORMAL, "Preempted", f"Preempted by pod {pod.uid} on node {node}", "Preempting")

    async def _patch_status(self, pod: PodInfo, status: Obj) -> None:
        await self._client.patch(
            PODS,
            pod.name,
            {"metadata": {"uid": pod.uid}, "status": status},
            pod.namespace,
            patch_type=STRATEGIC_MERGE_PATCH,
            subresource="status",
        )

    def _record(self, pod: PodInfo, kind: str, reason: str, message: str, action: str) -> None:
        self._recorder.event(object_reference("v1", "Pod", pod.obj), kind, reason, message, action=action)


def _concerns_scheduling(change: Change) -> bool:
    """A new Pod, or one whose spec or labels changed; of its status only the claims made for it matter."""
    old, new = change.old, change.obj
    if old is None or old["spec"] != new["spec"] or old["metadata"].get("labels") != new["metadata"].get("labels"):
        return True
    claims = ((obj.get("status") or {}).get("resourceClaimStatuses") for obj in (old, new))
    return bool(next(claims) != next(claims))
