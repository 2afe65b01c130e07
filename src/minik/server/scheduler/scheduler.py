"""The scheduler: finds a node for every Pod that has none.

One loop decides, one Pod at a time, on the cache; bindings go to the API server concurrently. A refused Pod gets its
PodScheduled condition and a FailedScheduling event, and sleeps until an event its refusing plugins care about.
"""

import asyncio
import logging
import random
import time
from collections.abc import Callable, Sequence

from minik.api.status import StatusError
from minik.api.types import Obj
from minik.client.client import STRATEGIC_MERGE_PATCH, Client
from minik.client.clock import Clock, SystemClock, format_time
from minik.client.events import NORMAL, WARNING, EventRecorder, object_reference
from minik.client.informer import Change, Informer, Informers
from minik.client.resources import NODES, PODS
from minik.server.scheduler import extending
from minik.server.scheduler.cache import Cache
from minik.server.scheduler.candidates import Candidates
from minik.server.scheduler.extenders import Extender, ExtenderError
from minik.server.scheduler.framework import CycleState, Diagnosis, Event, Profile, Snapshot
from minik.server.scheduler.node_info import NodeInfo, PodInfo, pod_info
from minik.server.scheduler.preemption import Preemption
from minik.server.scheduler.preemptor import Preemptor
from minik.server.scheduler.profiles import default_profile
from minik.server.scheduler.queue import FIRST_BACKOFF, LONGEST_BACKOFF, QueuedPod, SchedulingQueue
from minik.server.scheduler.sampling import Sampling

log = logging.getLogger("minik.scheduler")

MAX_BINDINGS = 100  # under way at once
SLICE = 0.01  # seconds of scheduling on end; then requests and bindings have their turn


class Scheduler:
    """Component "scheduler". `client` speaks as system:kube-scheduler; `recorder` makes a profile's recorder."""

    name = "scheduler"

    def __init__(
        self,
        client: Client,
        informers: Informers,
        recorder: Callable[[str], EventRecorder],
        *,
        profiles: Sequence[Profile] = (),
        extenders: Sequence[Extender] = (),
        initial_backoff: float = FIRST_BACKOFF,
        longest_backoff: float = LONGEST_BACKOFF,
        clock: Clock | None = None,
    ) -> None:
        self._client = client
        self._informers = informers
        self.profiles = {profile.name: profile for profile in profiles or (default_profile(client, informers),)}
        self._recorders = {name: recorder(name) for name in self.profiles}
        self._clock = clock or SystemClock()
        self.extenders = extenders
        self._backoffs = initial_backoff, longest_backoff
        self._sampling = Sampling()
        self._start_anew()
        self._preemptor = Preemptor(client, self._recorders, self._clock)

    def _start_anew(self) -> None:
        """Nothing is known, nothing was decided."""
        self._cache = Cache()
        self._candidates = {name: Candidates(profile) for name, profile in self.profiles.items()}
        for profile in self.profiles.values():
            for enabled in profile.at("forget"):
                enabled.plugin.forget()
        first = next(iter(self.profiles.values()))
        self._queue = SchedulingQueue(self._clock, first.at("sort_key")[0].plugin.sort_key, *self._backoffs)

    @property
    def cache(self) -> Cache:
        """What is decided by; others only read it."""
        return self._cache

    @property
    def queue(self) -> SchedulingQueue:
        return self._queue

    async def run(self, ready: asyncio.Event) -> None:
        self._start_anew()
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
                until = time.monotonic() + SLICE
                while True:
                    if time.monotonic() >= until:
                        await asyncio.sleep(0)
                        until = time.monotonic() + SLICE
                    await self._schedule_one(await self._queue.pop(), tasks)
        finally:
            for extender in self.extenders:
                await extender.close()
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
        if spec.get("schedulerName") in self.profiles:
            info = pod_info(pod)
            nominated = _nominated(pod)
            if nominated != (_nominated(change.old) if change.old is not None else ""):
                self._cache.nominate(info, nominated)
            if _concerns_scheduling(change):
                self._enqueue(info)
            else:
                self._queue.refresh(info)
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
        present = None if self.extenders else self._cache.present()
        try:
            best = self._candidates[profile.name].choose(state, pod, present) if present is not None else ""
            if best:
                await self._decided(profile, state, queued, best, tasks)
                return
            state, snapshot = {}, self._cache.snapshot(pod)
            order, enough = self._sampling.look(
                [*snapshot.nodes], self._cache.nominated_node(pod.uid), profile.percentage_of_nodes_to_score
            )
            fitting, diagnosis = profile.feasible(state, pod, snapshot, order=order, enough=enough)
            self._sampling.looked(len(fitting) + len(diagnosis.refusals))
            fitting, diagnosis = await extending.filter(self.extenders, pod, fitting, diagnosis)
            if fitting:
                node_name = await self._choose(profile, state, pod, fitting, snapshot)
                await self._decided(profile, state, queued, node_name, tasks)
                return
            preemption = await self._after_refusal(profile, state, pod, snapshot, diagnosis)
        except ExtenderError as error:
            self._record(pod, WARNING, "FailedScheduling", str(error), "Scheduling")
            self._queue.refuse(queued, frozenset(Event), retry=True)
            return
        except Exception:
            log.exception("scheduling %s failed", pod.key)
            self._queue.refuse(queued, frozenset(Event), retry=True)
            return
        wakers: frozenset[Event] = frozenset().union(*(profile.events_of(p) for p in diagnosis.plugins))
        if not diagnosis.refusals:
            wakers = frozenset({Event.NODE_ADDED})
        message = diagnosis.message(len(snapshot.nodes), preemption.message)
        if preemption.node:
            self._cache.nominate(pod, preemption.node)
            preempting = self._carry_out(queued, wakers | {Event.POD_GONE}, message, preemption)
            tasks.create_task(preempting, name=f"preempt for {pod.key}")
            return
        self._queue.refuse(queued, wakers)
        tasks.create_task(self._tell_refused(pod, message, preemption), name=f"refuse {pod.key}")

    async def _decided(
        self, profile: Profile, state: CycleState, queued: QueuedPod, node_name: str, tasks: asyncio.TaskGroup
    ) -> None:
        """The Pod counts as being there from now on; binding goes on beside the loop."""
        self._cache.set_pod(queued.pod, node_name)
        await self._bindings.acquire()
        tasks.create_task(self._bind(profile, state, queued, node_name), name=f"bind {queued.pod.key}")

    async def _choose(
        self, profile: Profile, state: CycleState, pod: PodInfo, fitting: Sequence[NodeInfo], snapshot: Snapshot
    ) -> str:
        nominated = self._cache.nominated_node(pod.uid)
        if len(fitting) == 1 or any(node.name == nominated for node in fitting):
            return fitting[0].name if len(fitting) == 1 else nominated
        scores = profile.score(state, pod, fitting, snapshot)
        for name, score in (await extending.scores(self.extenders, pod, fitting)).items():
            scores[name] = scores.get(name, 0) + score
        best = max(scores.values())
        return random.choice([name for name, score in scores.items() if score == best])

    async def _after_refusal(
        self, profile: Profile, state: CycleState, pod: PodInfo, snapshot: Snapshot, diagnosis: Diagnosis
    ) -> Preemption:
        """The postFilter plugins in order, until one can do something for the Pod."""
        messages: list[str] = []
        for enabled in profile.at("post_filter") if snapshot.nodes else ():
            found: Preemption = await enabled.plugin.post_filter(profile, state, pod, snapshot, diagnosis)
            if found.node:
                return await extending.preemption(self.extenders, pod, found)
            if found.message:
                messages.append(found.message)
            if found.is_helped:
                break
        return Preemption(message=f" {', '.join(messages)}" if messages else "")

    async def _carry_out(
        self, queued: QueuedPod, wakers: frozenset[Event], message: str, preemption: Preemption
    ) -> None:
        """Make room beside the loop. The Pod is not tried again before its victims were told to go."""
        pod = queued.pod
        try:
            await self._tell_refused(pod, message, preemption)
            for outbid in self._cache.outbid(preemption.node, pod.priority):
                await self._preemptor.clear_nomination(outbid)
            await self._preemptor.evict(preemption.victims, pod, preemption.node)
        except (StatusError, ConnectionError) as error:
            log.warning("preempting for %s: %s", pod.key, error)
            self._cache.nominate(pod, "")
            self._queue.refuse(queued, wakers, retry=True)
        else:
            self._queue.refuse(queued, wakers)

    async def _bind(self, profile: Profile, state: CycleState, queued: QueuedPod, node_name: str) -> None:
        pod = queued.pod
        reserved = []
        try:
            for enabled in profile.at("reserve"):
                reserved.append(enabled)
                await enabled.plugin.reserve(state, pod, node_name)
            for point in ("permit", "pre_bind"):
                for enabled in profile.at(point):
                    await getattr(enabled.plugin, point)(state, pod, node_name)
            await self._bind_to(profile, state, pod, node_name)
            for enabled in profile.at("post_bind"):
                await enabled.plugin.post_bind(state, pod, node_name)
            self._queue.done(queued)
        except (StatusError, ExtenderError, ConnectionError, TimeoutError) as error:
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

    async def _bind_to(self, profile: Profile, state: CycleState, pod: PodInfo, node_name: str) -> None:
        """By the first who can: an extender that wants this Pod, else the profile's binder."""
        binder = extending.binder(self.extenders, pod)
        if binder is not None:
            await binder.bind(pod, node_name)
        else:
            await profile.at("bind")[0].plugin.bind(state, pod, node_name)

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
        except (StatusError, ConnectionError) as error:
            log.debug("telling %s that it does not fit: %s", pod.key, error)

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
        recorder = self._recorders[pod.spec["schedulerName"]]
        recorder.event(object_reference("v1", "Pod", pod.obj), kind, reason, message, action=action)


def _nominated(pod: Obj) -> str:
    return (pod.get("status") or {}).get("nominatedNodeName") or ""


def _concerns_scheduling(change: Change) -> bool:
    """A new Pod, or one whose spec or labels changed; of its status only the claims made for it matter."""
    old, new = change.old, change.obj
    if old is None or old["spec"] != new["spec"] or old["metadata"].get("labels") != new["metadata"].get("labels"):
        return True
    claims = ((obj.get("status") or {}).get("resourceClaimStatuses") for obj in (old, new))
    return bool(next(claims) != next(claims))
