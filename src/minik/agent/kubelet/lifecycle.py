"""Stops containers the way they were promised: preStop hook, SIGTERM, grace period, SIGKILL; sidecars last.

https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#pod-termination
"""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from datetime import datetime

import orjson

from minik.agent.kubelet import runtime_types as names
from minik.agent.kubelet.handlers import Handlers, Target
from minik.agent.kubelet.quantities import is_sidecar
from minik.agent.kubelet.runtime import Runtime
from minik.agent.kubelet.runtime_types import Container, CRIError
from minik.api.types import Obj
from minik.client.clock import parse_time

log = logging.getLogger("minik.kubelet")

DEFAULT_GRACE = 30.0  # seconds
MINIMUM_GRACE = 2.0  # after a preStop hook has used up the grace period
HOOK_TIMEOUT = 600.0  # seconds a postStart hook may take

Tell = Callable[[str, str, str, str], None]  # container name, event type, reason, message


class Stopper:
    """Stops the containers of one Pod. `hurry` shortens a stop under way."""

    def __init__(self, runtime: Runtime, handlers: Handlers, tell: Tell) -> None:
        self._runtime = runtime
        self._handlers = handlers
        self._tell = tell
        self._stopping: dict[str, float] = {}  # container id -> when its grace ends (monotonic)

    async def stop(self, container: Container, spec: Obj | None, grace: float, message: str, pod_ip: str) -> None:
        """Returns when the container has exited. `spec` is None when the Pod is no longer known."""
        deadline = time.monotonic() + grace
        self._stopping[container.id] = deadline
        try:
            self._tell(container.name, "Normal", "Killing", message)
            hook = _pre_stop(container, spec)
            if hook is not None and grace > 0:
                await self._run_pre_stop(hook, container, spec or {}, grace, pod_ip)
            left = self._stopping[container.id] - time.monotonic()
            if hook is not None and grace > 0:
                left = max(left, MINIMUM_GRACE)
            await _stop(self._runtime, container.id, max(left, 0.0))
        finally:
            self._stopping.pop(container.id, None)

    async def hurry(self, grace: float) -> None:
        """The grace period was shortened: end what is being stopped within `grace` seconds from now."""
        deadline = time.monotonic() + grace
        sooner = [container_id for container_id, end in self._stopping.items() if end > deadline]
        for container_id in sooner:
            self._stopping[container_id] = deadline
        await asyncio.gather(*(_stop(self._runtime, container_id, grace) for container_id in sooner))

    async def _run_pre_stop(self, hook: Obj, container: Container, spec: Obj, grace: float, pod_ip: str) -> None:
        target = Target(self._runtime, container.id, spec, pod_ip)
        try:
            async with asyncio.timeout(grace):
                outcome = await self._handlers.run(hook, target, grace, agent="kube-lifecycle/1.36")
        except TimeoutError:
            log.info("preStop hook of container %s did not end within its grace period", container.name)
            return
        if not outcome.ok:
            self._tell(
                container.name, "Warning", "FailedPreStopHook", f"PreStopHook failed: {outcome.output}".rstrip(": ")
            )


def _pre_stop(container: Container, spec: Obj | None) -> Obj | None:
    """From the spec; of a container whose Pod is gone, from the annotation it was made with."""
    if spec is not None:
        hook: Obj | None = (spec.get("lifecycle") or {}).get("preStop")
        return hook
    text = container.annotations.get(names.PRE_STOP_ANNOTATION)
    decoded: Obj | None = orjson.loads(text) if text else None
    return decoded


async def _stop(runtime: Runtime, container_id: str, grace: float) -> None:
    try:
        await runtime.stop_container(container_id, round(grace))
    except CRIError as error:
        if error.code != "NOT_FOUND":
            raise


def stop_order(pod: Obj | None, running: Sequence[Container]) -> list[list[Container]]:
    """Groups to stop one after the other: everything but sidecars, then sidecars from the last to the first."""
    sidecars = [init["name"] for init in (pod or {}).get("spec", {}).get("initContainers") or () if is_sidecar(init)]
    main = [container for container in running if container.name not in sidecars]
    groups = [main] if main else []
    for name in reversed(sidecars):
        group = [container for container in running if container.name == name]
        if group:
            groups.append(group)
    return groups


def deadline_left(pod: Obj, started: str | None, now: datetime) -> float | None:
    """Seconds until activeDeadlineSeconds are over; None without a deadline or before the start."""
    limit = pod["spec"].get("activeDeadlineSeconds")
    if limit is None or not started:
        return None
    return float(limit - (now - parse_time(started)).total_seconds())


def grace_period(pod: Obj) -> float:
    """Seconds a Pod has to end: what its deletion says, else its spec."""
    metadata, spec = pod["metadata"], pod["spec"]
    if metadata.get("deletionGracePeriodSeconds") is not None:
        return float(metadata["deletionGracePeriodSeconds"])
    if spec.get("terminationGracePeriodSeconds") is not None:
        return float(spec["terminationGracePeriodSeconds"])
    return DEFAULT_GRACE
