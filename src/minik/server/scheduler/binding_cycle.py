"""The second half of scheduling a Pod, beside the loop: reserve, permit, preBind, bind, postBind.

When something goes wrong, what was reserved is given back and the Pod tries again. A Pod that is deleted before it is
bound is let go of at once, whatever it waits for.
"""

import asyncio
import logging
from collections.abc import Sequence

from minik.api.status import StatusError
from minik.server.scheduler import extending
from minik.server.scheduler.cache import Cache
from minik.server.scheduler.events import ALWAYS
from minik.server.scheduler.extenders import Extender, ExtenderError
from minik.server.scheduler.framework import CycleState, Enabled, Profile, Refusal
from minik.server.scheduler.metrics import ERROR, SCHEDULED, UNSCHEDULABLE, Attempt, SchedulerMetrics
from minik.server.scheduler.node_info import PodInfo
from minik.server.scheduler.permitting import Wait, WaitingPods
from minik.server.scheduler.queue import QueuedPod, SchedulingQueue
from minik.server.scheduler.reporting import SCHEDULER_ERROR, Reporter

log = logging.getLogger("minik.scheduler")

MOST = 100  # under way at once


class _Rejected(Exception):
    """By a permit plugin."""

    def __init__(self, refusal: Refusal, message: str) -> None:
        super().__init__(message)
        self.refusal = refusal


class BindingCycles:
    """All that are under way."""

    def __init__(
        self,
        cache: Cache,
        queue: SchedulingQueue,
        extenders: Sequence[Extender],
        reporter: Reporter,
        waiting: WaitingPods,
        metrics: SchedulerMetrics,
    ) -> None:
        self._cache, self._queue, self._extenders = cache, queue, extenders
        self._reporter, self._waiting, self._metrics = reporter, waiting, metrics
        self._places = asyncio.Semaphore(MOST)
        self._under_way = 0
        self._unbound: dict[str, asyncio.Task[None]] = {}  # by Pod uid, until they are being bound
        self._abandoned: set[str] = set()

    @property
    def under_way(self) -> int:
        return self._under_way

    async def start(
        self, profile: Profile, state: CycleState, queued: QueuedPod, node_name: str, tasks: asyncio.TaskGroup
    ) -> None:
        """The Pod counts as being on the node from now on. Waits while too many are under way."""
        pod, attempt = queued.pod, self._metrics.decided(profile.name)
        self._cache.set_pod(pod, node_name)
        await self._places.acquire()
        self._under_way += 1
        tasks.create_task(self._run(profile, state, queued, node_name, attempt), name=f"bind {pod.key}")

    def abandon(self, uid: str) -> None:
        """The Pod is gone or going."""
        task = self._unbound.pop(uid, None)
        if task is not None:
            self._abandoned.add(uid)
            task.cancel()

    async def _run(
        self, profile: Profile, state: CycleState, queued: QueuedPod, node_name: str, attempt: Attempt
    ) -> None:
        pod, task = queued.pod, asyncio.current_task()
        assert task is not None
        self._unbound[pod.uid] = task  # not before: a task that is cancelled before its first step gives nothing back
        reserved: list[Enabled] = []
        try:
            try:
                await self._prepare(profile, state, pod, node_name, reserved)
            finally:
                self._unbound.pop(pod.uid, None)
            await self._bind(profile, state, pod, node_name)
            self._queue.done(queued)
        except asyncio.CancelledError:
            if pod.uid not in self._abandoned:
                raise
            self._abandoned.discard(pod.uid)
            task.uncancel()
            await self._undo(state, pod, node_name, reserved)
            self._queue.done(queued)
        except (StatusError, ExtenderError, ConnectionError, TimeoutError, _Rejected) as error:
            await self._undo(state, pod, node_name, reserved)
            await self._failed(profile, queued, node_name, attempt, error)
        else:
            self._metrics.finished(attempt, SCHEDULED, queued)
            self._reporter.scheduled(pod, node_name)
        finally:
            self._under_way -= 1
            self._places.release()

    async def _prepare(
        self, profile: Profile, state: CycleState, pod: PodInfo, node_name: str, reserved: list[Enabled]
    ) -> None:
        measure = self._metrics.extension_point
        with measure("Reserve", profile.name):
            for enabled in profile.at("reserve"):
                reserved.append(enabled)
                await enabled.plugin.reserve(state, pod, node_name)
        waits: dict[str, Wait] = {}
        for enabled in profile.at("permit"):
            answer: Refusal | Wait | None = await enabled.plugin.permit(state, pod, node_name)
            if isinstance(answer, Refusal):
                refusal = Refusal(answer.reasons, answer.code, enabled.plugin.name)
                raise _Rejected(refusal, ", ".join(answer.reasons))
            if isinstance(answer, Wait):
                waits[enabled.plugin.name] = answer
        binders = profile.at("pre_bind")
        if waits or any(
            enabled.plugin.pre_bind_waits(state, pod, node_name)
            for enabled in binders
            if hasattr(enabled.plugin, "pre_bind_waits")
        ):
            await self._reporter.nominated(pod, node_name)
        if waits:
            with self._metrics.permit_wait():
                rejected = await self._waiting.wait(pod, node_name, waits)
            if rejected is not None:
                text = f'pod "{pod.key}" rejected while waiting on permit: {", ".join(rejected.reasons)}'
                raise _Rejected(rejected, text)
        with measure("PreBind", profile.name):
            for enabled in binders:
                await enabled.plugin.pre_bind(state, pod, node_name)

    async def _bind(self, profile: Profile, state: CycleState, pod: PodInfo, node_name: str) -> None:
        """By the first who can: an extender that wants this Pod, else the profile's binder."""
        binder = extending.binder(self._extenders, pod) if self._extenders else None
        with self._metrics.extension_point("Bind", profile.name):
            if binder is not None:
                await binder.bind(pod, node_name)
            else:
                await profile.at("bind")[0].plugin.bind(state, pod, node_name)
        for enabled in profile.at("post_bind"):
            await enabled.plugin.post_bind(state, pod, node_name)

    async def _undo(self, state: CycleState, pod: PodInfo, node_name: str, reserved: Sequence[Enabled]) -> None:
        for enabled in reversed(reserved):
            await enabled.plugin.unreserve(state, pod, node_name)
        self._cache.remove_pod(pod.uid)

    async def _failed(
        self, profile: Profile, queued: QueuedPod, node_name: str, attempt: Attempt, error: Exception
    ) -> None:
        pod = queued.pod
        self._cache.nominate(pod, (pod.obj.get("status") or {}).get("nominatedNodeName") or "")
        if isinstance(error, _Rejected):
            plugins = frozenset({error.refusal.plugin})
            self._metrics.finished(attempt, UNSCHEDULABLE, queued)
            self._queue.refuse(queued, profile.wakers_of(plugins), plugins)
            await self._reporter.refused(pod, str(error))
        elif isinstance(error, StatusError) and error.code == 404:
            self._queue.done(queued)  # the Pod went meanwhile
        else:
            log.warning("binding %s to %s failed: %s", pod.key, node_name, error)
            self._metrics.finished(attempt, ERROR, queued)
            self._queue.refuse(queued, ALWAYS, retry=True)
            await self._reporter.refused(pod, f"binding rejected: {error}", reason=SCHEDULER_ERROR)
