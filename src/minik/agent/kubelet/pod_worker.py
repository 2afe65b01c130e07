"""One coroutine per Pod that owns the Pod's life on this node.

    API watch, runtime events, probes, timers -> wake -> look at the runtime -> plan.py -> tasks (start, stop) -> status

Level-triggered: every wake compares what is with what should be; a wake too many costs little. Long work (pulls,
starts, stops) runs in tasks of its own, so that a deletion is never kept waiting.

    active --deleted, finished, deadline, evicted--> ending --containers gone--> ended --deleted in the API--> gone
"""

import asyncio
import logging
import time
from collections.abc import Coroutine
from datetime import UTC, datetime
from enum import Enum
from typing import Any

from minik.agent.kubelet import container_gc, lifecycle, pod_end, pod_files, quantities
from minik.agent.kubelet.lifecycle import Stopper
from minik.agent.kubelet.node_context import NodeContext
from minik.agent.kubelet.plan import Kill, make_plan
from minik.agent.kubelet.pod_events import PodEvents
from minik.agent.kubelet.pod_resize import PodResize
from minik.agent.kubelet.pod_start import PodStarter
from minik.agent.kubelet.probes import PodProbes
from minik.agent.kubelet.runtime_types import ContainerState, CRIError, PodState
from minik.agent.kubelet.status import EVICTED, Facts, Override, last_reported, make_status, pod_ips
from minik.agent.kubelet.wake import Wake
from minik.api.status import StatusError
from minik.api.types import Obj
from minik.client.clock import format_time

log = logging.getLogger("minik.kubelet")

MINIMUM_GRACE, FORCED_GRACE = 1.0, 2.0  # seconds; forced: deleted from the API without a grace period
LONGEST_RETRY = 60.0  # seconds between attempts to stop a Pod
SETTLE_PAUSE, LONGEST_SETTLE_PAUSE = 0.005, 2.0  # seconds until the runtime shows an end it has told of
QUIET = 0.8  # seconds that an intermediate status may wait for the next, better one


class Phase(Enum):
    ACTIVE = "active"
    ENDING = "ending"
    ENDED = "ended"
    GONE = "gone"


class PodWorker:
    """`run` returns when the Pod is gone; everything else only wakes it up."""

    def __init__(self, context: NodeContext, pod: Obj, *, adopted: bool = False) -> None:
        self.uid: str = pod["metadata"]["uid"]
        self.state = PodState()
        self.phase = Phase.ACTIVE
        self._context = context
        self._adopted = adopted
        self._removed = False  # from the API
        self._released = False  # volumes and cgroup are given back
        self._events = PodEvents(context.recorder, pod)
        self._wake = Wake()
        self._starter = PodStarter(context, self.uid, self._events, self._wake)
        self._stopper = Stopper(context.runtime, context.handlers, self._events.tell)
        self._probes = PodProbes(context.runtime, context.handlers, context.group, self._events.tell, self._wake.now)
        self._status: Obj = pod.get("status") or {}
        self._stale = True  # `state` must be read again
        self._settle_pause = SETTLE_PAUSE
        self._messages: dict[str, str] = {}
        self._restarting: set[str] = set()
        self._override: Override | None = None
        self._work: asyncio.Task[None] | None = None  # making the sandbox, starting containers
        self._quiet_until = 0.0  # monotonic
        self._kills: dict[str, asyncio.Task[None]] = {}
        self._end_task: asyncio.Task[None] | None = None
        self._refresh_task: asyncio.Task[None] | None = None
        self._refresh_again = False
        self.resize = PodResize(context, pod, lambda: self.state, self._kill, self._wake.now, adopted=adopted)

    @property
    def pod(self) -> Obj:
        """As the API has it, with the resources that were granted to it."""
        return self.resize.pod

    # -- told from outside

    def update(self, pod: Obj) -> None:
        """The API has a newer version."""
        old = self.pod
        self.resize.take(pod)
        self._events.pod = pod
        if old["metadata"].get("generation") != pod["metadata"].get("generation"):
            self._starter.retry_now()
        if self.phase is Phase.ENDING and lifecycle.grace_period(pod) < lifecycle.grace_period(old):
            self._spawn(self._stopper.hurry(max(MINIMUM_GRACE, lifecycle.grace_period(pod))))
        if any(old["metadata"].get(key) != pod["metadata"].get(key) for key in ("labels", "annotations")):
            self.refresh_volumes()
        self._context.statuses.observe(pod, self._status)
        self._wake.now()

    def removed(self) -> None:
        """The API no longer has it (forced deletion)."""
        self._removed = True
        self._wake.now()

    def runtime_changed(self) -> None:
        """Something happened to one of its containers."""
        self._stale = True
        self._wake.now()

    def refresh_volumes(self) -> None:
        """A ConfigMap or Secret it uses has changed, or is there at last."""
        self._starter.retry_now()
        if self._refresh_task is not None:
            self._refresh_again = True  # it may have read the old one
        elif self._starter.volumes_ready and self.phase is Phase.ACTIVE:
            self._refresh_task = self._spawn(self._starter.set_up_volumes(self.pod, self._ips()))
            self._refresh_task.add_done_callback(self._refreshed)
        self._wake.now()

    def report_again(self) -> None:
        """A static Pod's mirror is a new one."""
        self._context.statuses.again(self.pod, self._status)

    def retry(self) -> None:
        """What failed for want of runtime or network may work now."""
        self._starter.retry_now()
        self._wake.now()

    def evict(self, reason: str, message: str, *, disrupted: bool = False) -> None:
        """End the Pod as Failed (node pressure, admission)."""
        self._events.pod_event("Warning", reason, message)
        self._override = Override("Failed", reason, message, disrupted)
        self._wake.now()

    def owns(self, container_id: str) -> bool:
        """Whether a container or sandbox is this Pod's, as far as known."""
        containers, sandboxes = self.state.containers, self.state.sandboxes
        return container_id in [*(c.id for c in containers), *(s.id for s in sandboxes)]

    @property
    def refused(self) -> bool:
        """Evicted or not admitted: its resources do not count any more."""
        return self._override is not None

    # -- the loop

    async def run(self) -> None:
        self._quiet_until = time.monotonic() + QUIET
        self._wake.now()
        failures = 0
        try:
            while self.phase is not Phase.GONE:
                await self._wake.wait()
                try:
                    await self._sync()
                    failures = 0
                except Exception as error:
                    failures += 1
                    expected = isinstance(error, (CRIError, StatusError, OSError))
                    log.warning("pod %s: %s", self.pod["metadata"]["name"], error, exc_info=not expected)
                    self._stale = True
                    self._wake.after(min(0.2 * 2**failures, LONGEST_RETRY))
        finally:
            self._probes.stop()
            self._wake.close()
            for task in (self._work, self._end_task, self._refresh_task, *self._kills.values()):
                if task is not None:
                    task.cancel()

    async def _sync(self) -> None:
        if self._stale:
            await self._look()
        self._check_end()
        if self.phase is Phase.ACTIVE:
            self._probes.sync(self.pod, self.state, self._ip(), adopted=self._adopted)
            if self._adopted:
                self._adopted = False
                self.resize.retry()
            self._advance()
        self._report()
        if self.phase is Phase.ENDED:
            await self._finish()

    async def _look(self) -> None:
        """Read the runtime; wait (shortly) for containers whose end was announced before it shows."""
        self._stale = False
        self.state = await self._context.runtime.pod_state(self.uid, self.state)
        alive = [c.id for c in self.state.running] + [s.id for s in self.state.sandboxes if s.ready]
        if any(item in self._context.ends for item in alive):
            self._stale = True
            self._wake.after(self._settle_pause)
            self._settle_pause = min(self._settle_pause * 2, LONGEST_SETTLE_PAUSE)
        else:
            self._settle_pause = SETTLE_PAUSE
        for container in self.state.containers:
            if container.state is ContainerState.EXITED and container.id not in self._messages:
                self._messages[container.id] = await asyncio.to_thread(pod_files.termination_message, container)
        for container in await container_gc.collect(self._context, self.state):
            self._messages.pop(container.id, None)
            self._restarting.discard(container.id)
            self._stale = True

    # -- going forward

    def _advance(self) -> None:
        plan = make_plan(self.pod, self.state, self._probes.health(self.pod, self.state), self._restarting)
        if plan.finished:
            self._begin_end()
            return
        for kill in plan.kills:
            if kill.container.id not in self._kills:
                self._kills[kill.container.id] = self._spawn(self._kill(kill))
        if self._work is not None or not self._starter.due():
            return
        if plan.new_sandbox:
            if not self.pod["spec"].get("hostNetwork") and not self._network_ready():
                return
            self._begin_work(self._starter.make_sandbox(self.pod, self.state, plan.sandbox_attempt))
            return
        if not self._starter.volumes_ready:
            self._begin_work(self._starter.set_up_volumes(self.pod, self._ips()))
            return
        starts = [name for name in plan.starts if self._starter.may_start(self.pod, self.state, name)]
        if starts:
            self._begin_work(self._starter.start(self.pod, self.state, starts, self._status))
        self._renew_tokens()

    def _network_ready(self) -> bool:
        """The kubelet wakes everybody when the network has come up."""
        problem = self._context.network_problem()
        if problem:
            self._events.pod_event("Warning", "NetworkNotReady", f"network is not ready: {problem}")
        return not problem

    def _renew_tokens(self) -> None:
        renew_at = self._starter.volumes.renew_at
        if renew_at and self._refresh_task is None:
            if renew_at <= time.time():
                self.refresh_volumes()
            else:
                self._wake.after(renew_at - time.time())

    def _begin_work(self, work: Coroutine[Any, Any, None]) -> None:
        self._work = self._spawn(work)
        self._work.add_done_callback(self._work_done)

    def _work_done(self, _: asyncio.Task[None]) -> None:
        self._work = None
        self._stale = True
        self._wake.now()

    def _refreshed(self, _: asyncio.Task[None]) -> None:
        self._refresh_task = None
        if self._refresh_again:
            self._refresh_again = False
            self.refresh_volumes()
        self._wake.now()

    async def _kill(self, kill: Kill) -> None:
        """Stop one container so that it is started again."""
        container = kill.container
        self._restarting.add(container.id)
        grace = lifecycle.grace_period(self.pod) if kill.grace is None else float(kill.grace)
        spec = quantities.container_named(self.pod, container.name)
        try:
            await self._stopper.stop(container, spec, grace, kill.message, self._ip())
        except CRIError as error:
            log.warning("cannot stop container %s: %s", container.name, error)
        finally:
            self._kills.pop(container.id, None)
            self.runtime_changed()

    # -- ending

    def _check_end(self) -> None:
        if self.phase is not Phase.ACTIVE:
            return
        deadline = lifecycle.deadline_left(self.pod, self._status.get("startTime"), datetime.now(UTC))
        if deadline is not None and deadline <= 0 and self._override is None:
            message = "Pod was active on the node longer than the specified deadline"
            self._events.pod_event("Normal", "DeadlineExceeded", message)
            self._override = Override("Failed", "DeadlineExceeded", message)
        elif deadline is not None:
            self._wake.after(deadline)
        over = (self.pod.get("status") or {}).get("phase") in ("Succeeded", "Failed")
        if self._removed or self._override or over or self.pod["metadata"].get("deletionTimestamp"):
            self._begin_end()

    def _begin_end(self) -> None:
        self.phase = Phase.ENDING
        self.resize.close()
        self._quiet_until = time.monotonic() + QUIET
        self._end_task = self._spawn(self._end())

    async def _end(self) -> None:
        for task in (self._work, self._refresh_task, *self._kills.values()):
            if task is not None:
                task.cancel()
                await asyncio.wait([task])
        self._probes.stop(readiness_too=False)
        delay = 0.5
        while True:
            try:
                self.state = await self._context.runtime.pod_state(self.uid, self.state)
                grace = self._grace()
                await pod_end.stop_pod(
                    self._context, self.pod, self.state, self._stopper, grace, self._ip(), self.runtime_changed
                )
                break
            except CRIError as error:
                log.warning("cannot stop pod %s, trying again: %s", self.pod["metadata"]["name"], error)
                self._events.pod_event("Warning", "FailedKillPod", f"error killing pod: {error}")
            await asyncio.sleep(delay)
            delay = min(delay * 2, LONGEST_RETRY)
        self.phase = Phase.ENDED
        self._stale = True
        self._wake.now()

    def _grace(self) -> float:
        if self._override is not None and self._override.reason == EVICTED:
            return MINIMUM_GRACE
        grace = max(MINIMUM_GRACE, lifecycle.grace_period(self.pod))
        forced = self._removed and not self.pod["metadata"].get("deletionTimestamp")
        return min(grace, FORCED_GRACE) if forced else grace

    async def _finish(self) -> None:
        """Everything has stopped: give back what it used and, once deleted, let the API forget it."""
        self._probes.stop()
        parent = self._context.cgroups.pod_parent(self.pod)
        deleted = bool(self.pod["metadata"].get("deletionTimestamp")) or self._removed
        if not self._released:
            self._released = True
            await pod_end.release(self._context, self.uid, parent)
        if not deleted:
            return
        await self._flush()
        if not self._removed:
            await pod_end.delete(self._context, self.pod)
        self.phase = Phase.GONE
        self._context.statuses.forget(self.uid)
        self._context.images.forget(self.uid)
        self._context.backoff.forget(self.uid)
        await pod_end.remove_remains(self._context, self.pod, self.state)

    async def _flush(self) -> None:
        try:
            await self._context.statuses.flush(self.uid)
        except TimeoutError:
            log.warning("the last status of pod %s did not reach the API in time", self.pod["metadata"]["name"])

    # -- telling

    def _report(self) -> None:
        """Make the status and send it. Soon after a start or a deletion a better one is to come: wait for that."""
        if self._removed or self.phase is Phase.GONE:
            return
        coming = self._work is not None and not self.state.containers
        left = self._quiet_until - time.monotonic()
        if left > 0 and (coming or self.phase is Phase.ENDING):
            self._wake.after(left)
            return
        pod = {**self.pod, "status": last_reported(self.pod, self._status)}
        context = self._context
        facts = Facts(
            now=format_time(datetime.now(UTC)),
            host_ips=context.node().ips,
            waiting=self._starter.waiting,
            started=self._probes.started,
            ready=self._probes.ready,
            messages=self._messages,
            resources=self.resize.before,
            resize=self.resize.conditions(),
            recursive_read_only=context.recursive_read_only(),
            ended=self.phase is Phase.ENDED,
            override=self._override,
        )
        status = make_status(pod, self.state, facts)
        if status != self._status:
            self._status = status
            context.statuses.set(self.pod, status)

    def _ips(self) -> list[str]:
        return pod_ips(self.pod, self.state, self._context.node().ips)

    def _ip(self) -> str:
        return next(iter(self._ips()), "")

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        return self._context.group.create_task(self._guard(work), name=f"pod {self.pod['metadata']['name']}")

    async def _guard(self, work: Coroutine[Any, Any, None]) -> None:
        """A task's unexpected error must not end the kubelet with its other Pods."""
        try:
            await work
        except Exception:
            log.exception("pod %s: a task failed", self.pod["metadata"]["name"])
            self._starter.retry_later()
