"""Probes: one coroutine per probe of a running container, gone with it.

    startup probe passes -> readiness and liveness begin
    readiness -> the Ready condition        liveness, startup fail -> the container is restarted (plan.py)

https://kubernetes.io/docs/concepts/configuration/liveness-readiness-startup-probes/
"""

import asyncio
import logging
import random
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from minik.agent.kubelet.handlers import Handlers, Outcome, Target
from minik.agent.kubelet.plan import Health, ProbeFailure
from minik.agent.kubelet.runtime import Runtime
from minik.agent.kubelet.runtime_types import Container, PodState
from minik.api.types import Obj

log = logging.getLogger("minik.kubelet")

KINDS = ("startupProbe", "readinessProbe", "livenessProbe")
_WORDS = {"startupProbe": "Startup", "readinessProbe": "Readiness", "livenessProbe": "Liveness"}

Tell = Callable[[str, str, str, str], None]  # container name, event type, reason, message


@dataclass(slots=True)
class _Watched:
    """The probes of one running container."""

    container: Container
    tasks: list[asyncio.Task[None]] = field(default_factory=list)
    started: asyncio.Event = field(default_factory=asyncio.Event)
    ready: bool = False
    failure: ProbeFailure | None = None


class PodProbes:
    """The probes of one Pod. `changed` is called when a verdict changes."""

    def __init__(
        self, runtime: Runtime, handlers: Handlers, group: asyncio.TaskGroup, tell: Tell, changed: Callable[[], None]
    ) -> None:
        self._runtime = runtime
        self._handlers = handlers
        self._group = group
        self._tell = tell
        self._changed = changed
        self._watched: dict[str, _Watched] = {}  # by container name

    def sync(self, pod: Obj, state: PodState, pod_ip: str, *, adopted: bool = False) -> None:
        """Begin probing what runs now, stop probing what does not. `adopted`: it ran before this kubelet started."""
        specs = {spec["name"]: spec for spec in _probed(pod)}
        for name, watched in [*self._watched.items()]:
            current = state.current(name)
            if current is None or not current.running or current.id != watched.container.id:
                self._drop(name)
        for name, spec in specs.items():
            current = state.current(name)
            if current is not None and current.running and name not in self._watched:
                self._watched[name] = self._begin(pod, spec, current, pod_ip, adopted)

    def stop(self, *, readiness_too: bool = True) -> None:
        """The Pod is ending: no more restarts for its probes' sake."""
        for name in [*self._watched]:
            if readiness_too:
                self._drop(name)
            else:
                for task in self._watched[name].tasks:
                    if task.get_name() != "readinessProbe":
                        task.cancel()

    def health(self, pod: Obj, state: PodState) -> Health:
        started = [container.name for container in state.running if self.started(container.name)]
        failures = {name: watched.failure for name, watched in self._watched.items() if watched.failure}
        return Health(started, failures)

    def started(self, name: str) -> bool:
        watched = self._watched.get(name)
        return watched is None or watched.started.is_set()

    def ready(self, name: str) -> bool:
        watched = self._watched.get(name)
        return watched is None or watched.ready

    # -- one container

    def _begin(self, pod: Obj, spec: Obj, current: Container, pod_ip: str, adopted: bool) -> _Watched:
        watched = _Watched(current)
        old = _reported(pod, spec["name"])
        same = adopted and (old.get("containerID") or "").endswith(f"//{current.id}")
        if "startupProbe" not in spec or (same and old.get("started")):
            watched.started.set()
        watched.ready = "readinessProbe" not in spec or bool(same and old.get("ready"))
        target = Target(self._runtime, current.id, spec, pod_ip)
        for kind in KINDS:
            if spec.get(kind) and not (kind == "startupProbe" and watched.started.is_set()):
                probe = self._probe(kind, spec, watched, target, adopted)
                watched.tasks.append(self._group.create_task(probe, name=kind))
        return watched

    def _drop(self, name: str) -> None:
        for task in self._watched.pop(name).tasks:
            task.cancel()

    async def _probe(self, kind: str, spec: Obj, watched: _Watched, target: Target, adopted: bool) -> None:
        probe, period = spec[kind], float(spec[kind].get("periodSeconds") or 10)
        if kind != "startupProbe":
            await watched.started.wait()
        if adopted:
            await asyncio.sleep(random.uniform(0, period))
        age = time.time() - watched.container.started_at / 1e9
        await asyncio.sleep(max(0.0, float(probe.get("initialDelaySeconds") or 0) - age))
        successes = failures = 0
        while True:
            began = time.monotonic()
            outcome = await self._once(probe, target)
            if outcome.ok:
                successes, failures = successes + 1, 0
            elif not outcome.errored:  # what could not be asked proves nothing
                successes, failures = 0, failures + 1
            self._report(kind, spec["name"], outcome)
            if self._judge(kind, probe, watched, successes, failures):
                return
            await asyncio.sleep(max(0.0, period - (time.monotonic() - began)))

    async def _once(self, probe: Obj, target: Target) -> Outcome:
        timeout = float(probe.get("timeoutSeconds") or 1)
        try:
            return await self._handlers.run(probe, target, timeout)
        except Exception as error:
            log.exception("a probe of container %s crashed", target.container["name"])
            return Outcome(False, str(error), errored=True)

    def _report(self, kind: str, name: str, outcome: Outcome) -> None:
        if outcome.ok and not outcome.warns:
            return
        verb = "warning" if outcome.ok else "errored and resulted in unknown state" if outcome.errored else "failed"
        reason = "ProbeWarning" if outcome.ok else "Unhealthy"
        self._tell(name, "Warning", reason, f"{_WORDS[kind]} probe {verb}: {outcome.output}")

    def _judge(self, kind: str, probe: Obj, watched: _Watched, successes: int, failures: int) -> bool:
        """Act on the counts; True ends this probe."""
        passed = successes >= int(probe.get("successThreshold") or 1)
        failed = failures >= int(probe.get("failureThreshold") or 3)
        if kind == "readinessProbe":
            verdict = True if passed else False if failed else watched.ready
            if verdict != watched.ready:
                watched.ready = verdict
                self._changed()
            return False
        if kind == "startupProbe" and passed:
            watched.started.set()
            self._changed()
            return True
        if failed:
            word = "startup" if kind == "startupProbe" else "liveness"
            watched.failure = ProbeFailure(watched.container.id, word, probe.get("terminationGracePeriodSeconds"))
            self._changed()
            return True
        return False


def _probed(pod: Obj) -> Iterable[Obj]:
    """Containers and sidecars that have a probe."""
    spec = pod["spec"]
    for container in [*(spec.get("initContainers") or ()), *spec["containers"]]:
        if any(container.get(kind) for kind in KINDS):
            yield container


def _reported(pod: Obj, name: str) -> Obj:
    status = pod.get("status") or {}
    for found in [*(status.get("containerStatuses") or ()), *(status.get("initContainerStatuses") or ())]:
        if found["name"] == name:
            return dict(found)
    return {}
