"""Brings a Pod up: its sandbox, its volumes, its containers; remembers what failed and when to try again."""

import asyncio
import logging
import time

from minik.agent.kubelet import lifecycle, quantities, sandbox_start
from minik.agent.kubelet.backoff import go_duration
from minik.agent.kubelet.container_start import PodRun, StartError, start_container
from minik.agent.kubelet.node_context import NodeContext
from minik.agent.kubelet.pod_events import PodEvents
from minik.agent.kubelet.runtime_types import ContainerState, CRIError, PodState
from minik.agent.kubelet.status import pod_ips
from minik.agent.kubelet.volumes.pod_volumes import PodVolumes, SetUpFailed
from minik.agent.kubelet.wake import Wake
from minik.api.types import Obj

log = logging.getLogger("minik.kubelet")

FIRST_RETRY, LONGEST_RETRY = 0.5, 60.0  # seconds between attempts at a sandbox or its volumes


class PodStarter:
    """What one Pod needs to run. Its coroutines never raise for what can be tried again: see `due`.

    `waiting` says why containers do not run (name -> reason, message), for the status.
    """

    def __init__(self, context: NodeContext, uid: str, events: PodEvents, wake: Wake) -> None:
        self.waiting: dict[str, tuple[str, str]] = {}
        self.volumes = PodVolumes()
        self.volumes_ready = False
        self._context = context
        self._uid = uid
        self._events = events
        self._wake = wake
        self._retry_at: dict[str, float] = {}  # container name, or "" for sandbox and volumes -> monotonic
        self._delay = FIRST_RETRY
        self._without_image: set[str] = set()  # containers that wait for the image of a volume

    # -- when

    def retry_now(self) -> None:
        """Something changed that failures may have been due to. CrashLoopBackOff goes on."""
        for name in [*self._retry_at]:
            if self.waiting.get(name, ("", ""))[0] != "CrashLoopBackOff":
                del self._retry_at[name]

    def due(self, name: str = "") -> bool:
        """Whether to try a container (or, without a name, the sandbox) now; if not, the wake is set."""
        left = self._retry_at.get(name, 0.0) - time.monotonic()
        if left > 0:
            self._wake.after(left)
        return left <= 0

    def retry_later(self) -> None:
        self._retry_at[""] = time.monotonic() + self._delay
        self._delay = min(self._delay * 2, LONGEST_RETRY)

    def may_start(self, pod: Obj, state: PodState, name: str) -> bool:
        """Whether a container is to be (re)started now, or must wait in CrashLoopBackOff."""
        if not self.due(name):
            return False
        latest = state.latest(name)
        if latest is None or latest.state is not ContainerState.EXITED:
            return True
        key, ended, now = f"{self._uid}_{name}", latest.finished_at / 1e9, time.time()
        left = self._context.backoff.remaining(key, ended, now)
        if left <= 0:
            self._context.backoff.next(key, ended, now)
            return True
        metadata = pod["metadata"]
        where = f"{metadata['name']}_{metadata['namespace']}({self._uid})"
        delay = go_duration(self._context.backoff.delay(key))
        self.waiting[name] = ("CrashLoopBackOff", f"back-off {delay} restarting failed container={name} pod={where}")
        self._events.tell(name, "Warning", "BackOff", f"Back-off restarting failed container {name} in pod {where}")
        self._retry_at[name] = time.monotonic() + left
        self._wake.after(left)
        return False

    # -- what

    async def make_sandbox(self, pod: Obj, state: PodState, attempt: int) -> None:
        try:
            if attempt and state.sandboxes:
                message = "Pod sandbox changed, it will be killed and re-created."
                self._events.pod_event("Normal", "SandboxChanged", message)
            grace = lifecycle.grace_period(pod)
            await asyncio.gather(*(self._context.runtime.stop_container(c.id, grace) for c in state.running))
            await sandbox_start.make_sandbox(self._context, pod, state, attempt, self.volumes, self._events.pod_event)
            self._volumes_there()
            self._delay = FIRST_RETRY
        except SetUpFailed as error:
            self._volumes_failed(pod, error)
        except CRIError as error:
            self._events.pod_event("Warning", "FailedCreatePodSandBox", f"Failed to create pod sandbox: {error}")
            self.retry_later()

    async def set_up_volumes(self, pod: Obj, ips: list[str]) -> None:
        """Know the volumes of a running Pod again after a restart, or bring their content up to date."""
        try:
            await self.volumes.set_up(sandbox_start.volume_context(self._context, pod, self._events.pod_event, ips))
            self._volumes_there()
        except SetUpFailed as error:
            self._volumes_failed(pod, error)

    def _volumes_there(self) -> None:
        self.volumes_ready = True
        for name in self._without_image:
            self.waiting.pop(name, None)
        self._without_image.clear()

    def _volumes_failed(self, pod: Obj, error: SetUpFailed) -> None:
        self._events.failed_mounts(error)
        waiting = error.waiting(pod)
        self.waiting.update(waiting)
        self._without_image.update(waiting)
        self.retry_later()

    async def start(self, pod: Obj, state: PodState, names: list[str], reported: Obj) -> None:
        """Start containers one after the other. `reported` is the Pod's last status."""
        sandbox = state.sandbox
        assert sandbox is not None
        config = sandbox_start.sandbox_config(self._context, pod, sandbox.attempt)
        ips = pod_ips(pod, state, self._context.node().ips)
        run = PodRun(pod, sandbox, config, self.volumes, ips, self._events.tell)
        for name in names:
            spec = quantities.container_named(pod, name)
            target = state.current(spec["targetContainerName"]) if spec.get("targetContainerName") else None
            try:
                count = _restart_count(state, name, reported)
                await start_container(self._context, run, spec, count, target.id if target else "")
                self.waiting.pop(name, None)
                self._retry_at.pop(name, None)
            except StartError as error:
                self._failed(name, error.reason, error.message, error.retry)
            except CRIError as error:
                self._failed(name, "CreateContainerError", error.message, FIRST_RETRY)

    def _failed(self, name: str, reason: str, message: str, retry: float) -> None:
        self.waiting[name] = (reason, message)
        self._retry_at[name] = time.monotonic() + retry


def _restart_count(state: PodState, name: str, reported: Obj) -> int:
    """The next attempt's number; what the runtime forgot, the status still knows."""
    latest = state.latest(name)
    if latest is not None:
        return latest.restart_count + 1
    for kind in ("containerStatuses", "initContainerStatuses"):
        for status in reported.get(kind) or ():
            if status["name"] == name and status.get("containerID"):
                return int(status["restartCount"]) + 1
    return 0
