"""The scheduler: finds a node for every Pod that has none.

One loop decides, one Pod at a time, on the cache; bindings go to the API server concurrently. A refused Pod gets its
PodScheduled condition and a FailedScheduling event, and sleeps until something happens its refusing plugins care about.
"""

import asyncio
import logging
import random
import time
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from minik.api.status import StatusError
from minik.client.client import Client
from minik.client.clock import Clock, SystemClock
from minik.client.events import EventRecorder
from minik.client.informer import Informers
from minik.server.scheduler import extending
from minik.server.scheduler.binding_cycle import BindingCycles
from minik.server.scheduler.cache import Cache
from minik.server.scheduler.candidates import Candidates
from minik.server.scheduler.events import ALWAYS, Event, Wakers
from minik.server.scheduler.extenders import Extender, ExtenderError
from minik.server.scheduler.framework import CycleState, Diagnosis, Profile, Refusal, Snapshot
from minik.server.scheduler.metrics import ERROR, UNSCHEDULABLE, SchedulerMetrics
from minik.server.scheduler.node_info import NodeInfo, PodInfo
from minik.server.scheduler.permitting import WaitingPods
from minik.server.scheduler.preemption import Preemption
from minik.server.scheduler.preemptor import Preemptor
from minik.server.scheduler.profiles import default_profile
from minik.server.scheduler.queue import FIRST_BACKOFF, LONGEST_BACKOFF, QueuedPod, SchedulingQueue
from minik.server.scheduler.reporting import SCHEDULER_ERROR, Reporter
from minik.server.scheduler.sampling import Sampling
from minik.server.scheduler.watching import Watching

if TYPE_CHECKING:
    from prometheus_client.core import Metric

log = logging.getLogger("minik.scheduler")

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
        waiting: WaitingPods | None = None,
    ) -> None:
        self._informers = informers
        self.profiles = {profile.name: profile for profile in profiles or (default_profile(client, informers),)}
        recorders = {name: recorder(name) for name in self.profiles}
        self._clock = clock or SystemClock()
        self.extenders = extenders
        self._backoffs = initial_backoff, longest_backoff
        self._sampling = Sampling()
        self._metrics = SchedulerMetrics()
        self._waiting = waiting or WaitingPods()
        self._reporter = Reporter(client, recorders, self._clock)
        self._preemptor = Preemptor(client, recorders, self._clock)
        self._start_anew()

    def _start_anew(self) -> None:
        """Nothing is known, nothing was decided."""
        self._cache = Cache()
        self._candidates = {name: Candidates(profile) for name, profile in self.profiles.items()}
        for profile in self.profiles.values():
            for enabled in profile.at("forget"):
                enabled.plugin.forget()
        first = next(iter(self.profiles.values()))
        self._queue = SchedulingQueue(
            self._clock, first.at("sort_key")[0].plugin.sort_key, *self._backoffs, gate=self._gate
        )
        self._bindings = BindingCycles(
            self._cache, self._queue, self.extenders, self._reporter, self._waiting, self._metrics
        )

    @property
    def cache(self) -> Cache:
        """What is decided by; others only read it."""
        return self._cache

    @property
    def queue(self) -> SchedulingQueue:
        return self._queue

    def collect(self) -> Iterable["Metric"]:
        """scheduler_*, for prometheus_client."""
        return self._metrics.collect(self._queue, self._cache.sizes(), self._bindings.under_way)

    async def run(self, ready: asyncio.Event) -> None:
        self._start_anew()
        for profile in self.profiles.values():
            for enabled in profile.at("prepare"):
                await enabled.plugin.prepare()
        watching = Watching(self._informers, self.profiles, self._cache, self._queue, self._bindings.abandon)
        try:
            await watching.start()
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
            watching.stop()

    def _gate(self, pod: PodInfo) -> tuple[Refusal, Wakers] | None:
        """The first preEnqueue plugin's no."""
        profile = self.profiles[pod.spec["schedulerName"]]
        for enabled in profile.at("pre_enqueue"):
            refusal: Refusal | None = enabled.plugin.pre_enqueue(pod)
            if refusal is not None:
                name = enabled.plugin.name
                return Refusal(refusal.reasons, refusal.code, name), profile.wakers_of(frozenset({name}))
        return None

    # -- one cycle

    async def _schedule_one(self, queued: QueuedPod, tasks: asyncio.TaskGroup) -> None:
        self._metrics.popped()
        pod = queued.pod
        profile = self.profiles[pod.spec["schedulerName"]]
        state: CycleState = {}
        present = None if self.extenders else self._cache.present()
        try:
            best = self._candidates[profile.name].choose(state, pod, present) if present is not None else ""
            if best:
                await self._bindings.start(profile, state, queued, best, tasks)
                return
            state, snapshot = {}, self._cache.snapshot(pod)
            fitting, diagnosis = self._feasible(profile, state, pod, snapshot)
            fitting, diagnosis = await extending.filter(self.extenders, pod, fitting, diagnosis)
            if fitting:
                node_name = await self._choose(profile, state, pod, fitting, snapshot)
                await self._bindings.start(profile, state, queued, node_name, tasks)
                return
            preemption = await self._after_refusal(profile, state, pod, snapshot, diagnosis)
        except ExtenderError as error:
            self._failed(profile, queued, str(error), tasks)
            return
        except Exception as error:
            log.exception("scheduling %s failed", pod.key)
            self._failed(profile, queued, f"{type(error).__name__}: {error}", tasks)
            return
        self._metrics.finished(self._metrics.attempt(profile.name), UNSCHEDULABLE, queued)
        self._refused(profile, queued, snapshot, diagnosis, preemption, tasks)

    def _feasible(
        self, profile: Profile, state: CycleState, pod: PodInfo, snapshot: Snapshot
    ) -> tuple[list[NodeInfo], Diagnosis]:
        """The nodes that fit, with the Pods that room is kept for and without them: they may never come."""
        order, enough = self._sampling.look(
            [*snapshot.nodes], self._cache.nominated_node(pod.uid), profile.percentage_of_nodes_to_score
        )
        with self._metrics.extension_point("Filter", profile.name):
            fitting, diagnosis = profile.feasible(state, pod, snapshot, order=order, enough=enough)
        self._sampling.looked(len(fitting) + len(diagnosis.refusals))
        doubtful = [node.name for node in fitting if node.name in snapshot.originals]
        if doubtful:
            _, without = profile.feasible({}, pod, self._cache.as_it_is(), order=doubtful)
            fitting = [node for node in fitting if node.name not in without.refusals]
            diagnosis = Diagnosis({**diagnosis.refusals, **without.refusals}, diagnosis.unresolvable)
        return fitting, diagnosis

    async def _choose(
        self, profile: Profile, state: CycleState, pod: PodInfo, fitting: Sequence[NodeInfo], snapshot: Snapshot
    ) -> str:
        nominated = self._cache.nominated_node(pod.uid)
        if len(fitting) == 1 or any(node.name == nominated for node in fitting):
            return fitting[0].name if len(fitting) == 1 else nominated
        with self._metrics.extension_point("Score", profile.name):
            scores = profile.score(state, pod, fitting, snapshot)
        for name, score in (await extending.scores(self.extenders, pod, fitting)).items():
            scores[name] = scores.get(name, 0) + score
        best = max(scores.values())
        return random.choice([name for name, score in scores.items() if score == best])

    # -- when nothing fits

    async def _after_refusal(
        self, profile: Profile, state: CycleState, pod: PodInfo, snapshot: Snapshot, diagnosis: Diagnosis
    ) -> Preemption:
        """The postFilter plugins in order, until one can do something for the Pod."""
        messages: list[str] = []
        with self._metrics.extension_point("PostFilter", profile.name):
            for enabled in profile.at("post_filter") if snapshot.nodes else ():
                found: Preemption = await enabled.plugin.post_filter(profile, state, pod, snapshot, diagnosis)
                if found.node:
                    return await extending.preemption(self.extenders, pod, found)
                if found.message:
                    messages.append(found.message)
                if found.is_helped:
                    break
        return Preemption(message=f" {', '.join(messages)}" if messages else "")

    def _failed(self, profile: Profile, queued: QueuedPod, message: str, tasks: asyncio.TaskGroup) -> None:
        self._metrics.finished(self._metrics.attempt(profile.name), ERROR, queued)
        self._queue.refuse(queued, ALWAYS, retry=True)
        telling = self._reporter.refused(queued.pod, message, reason=SCHEDULER_ERROR)
        tasks.create_task(telling, name=f"refuse {queued.pod.key}")

    def _refused(
        self,
        profile: Profile,
        queued: QueuedPod,
        snapshot: Snapshot,
        diagnosis: Diagnosis,
        preemption: Preemption,
        tasks: asyncio.TaskGroup,
    ) -> None:
        pod, plugins = queued.pod, diagnosis.plugins
        wakers: Wakers = profile.wakers_of(plugins) if diagnosis.refusals else {Event.NODE_ADDED: None}
        message = diagnosis.message(len(snapshot.nodes), preemption.message)
        self._metrics.preempting(len(preemption.victims))
        if preemption.node:
            self._cache.nominate(pod, preemption.node)
            preempting = self._carry_out(queued, {**wakers, Event.POD_GONE: None}, plugins, message, preemption)
            tasks.create_task(preempting, name=f"preempt for {pod.key}")
            return
        self._queue.refuse(queued, wakers, plugins)
        tasks.create_task(self._reporter.refused(pod, message), name=f"refuse {pod.key}")

    async def _carry_out(
        self, queued: QueuedPod, wakers: Wakers, plugins: frozenset[str], message: str, preemption: Preemption
    ) -> None:
        """Make room beside the loop. The Pod is not tried again before its victims were told to go."""
        pod = queued.pod
        try:
            await self._reporter.refused(pod, message, nominated=preemption.node)
            for outbid in self._cache.outbid(preemption.node, pod.priority):
                await self._preemptor.clear_nomination(outbid)
            await self._preemptor.evict(self._not_waiting(preemption.victims), pod, preemption.node)
        except (StatusError, ConnectionError) as error:
            log.warning("preempting for %s: %s", pod.key, error)
            self._cache.nominate(pod, "")
            self._queue.refuse(queued, wakers, plugins, retry=True)
        else:
            self._queue.refuse(queued, wakers, plugins)

    def _not_waiting(self, victims: Sequence[PodInfo]) -> Sequence[PodInfo]:
        """Victims that only wait for a permit need not go: they lose their node."""
        staying = []
        for victim in victims:
            waiting = self._waiting.get(victim.uid)
            if waiting is None:
                staying.append(victim)
            else:
                waiting.reject("DefaultPreemption", "preempted")
        return staying
