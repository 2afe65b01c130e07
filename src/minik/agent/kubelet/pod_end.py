"""The end of a Pod: stops its containers and sandbox, and cleans up what it used on this node."""

import asyncio
import logging
import shutil
import time
from collections.abc import Awaitable, Callable

from minik.agent.kubelet import quantities, runtime_config
from minik.agent.kubelet.lifecycle import Stopper, stop_order
from minik.agent.kubelet.node_context import NodeContext
from minik.agent.kubelet.runtime_types import Container, CRIError, PodState
from minik.agent.kubelet.volumes import image
from minik.agent.kubelet.volumes.pod_volumes import remove_pod_directory
from minik.agent.kubelet.volumes.volume import VolumeError
from minik.api.status import StatusError
from minik.api.types import Obj
from minik.client.resources import PODS

log = logging.getLogger("minik.kubelet")

FIRST_PAUSE, LONGEST_PAUSE = 0.1, 5.0  # seconds between attempts to remove a sandbox


async def stop_pod(
    context: NodeContext,
    pod: Obj,
    state: PodState,
    stopper: Stopper,
    grace: float,
    pod_ip: str,
    stopped: Callable[[], None],
) -> None:
    """Stop all containers within `grace` seconds, sidecars last, then the sandboxes. Raises CRIError.

    `stopped` is called after every group of containers.
    """
    deadline = time.monotonic() + grace
    specs = {container["name"]: container for container in quantities.all_containers(pod)}
    for group in stop_order(pod, [c for c in state.containers if not _is_over(c)]):
        left = max(1.0, deadline - time.monotonic())
        await asyncio.gather(
            *(stopper.stop(c, specs.get(c.name), left, f"Stopping container {c.name}", pod_ip) for c in group)
        )
        stopped()
    for sandbox in state.sandboxes:
        await _ignoring_gone(context.runtime.stop_sandbox(sandbox.id))


def _is_over(container: Container) -> bool:
    return container.finished_at != 0


async def _ignoring_gone(call: Awaitable[None]) -> None:
    try:
        await call
    except CRIError as error:
        if error.code != "NOT_FOUND":
            raise


async def release(context: NodeContext, uid: str, cgroup_parent: str) -> None:
    """Volumes and cgroup of a Pod whose containers are all gone. Never raises for what cannot be removed."""
    context.objects.release(uid)
    context.tokens.forget(uid)
    try:
        await image.tear_down(context.runtime, uid, context.pod_directory(uid))
    except VolumeError as error:
        log.warning("cannot take down image volumes: %s", error)
    await asyncio.to_thread(_release_host, context, uid, cgroup_parent)


def _release_host(context: NodeContext, uid: str, cgroup_parent: str) -> None:
    remove_pod_directory(context.pod_directory(uid))
    context.cgroups.remove(cgroup_parent)


async def delete(context: NodeContext, pod: Obj) -> None:
    """Let the API forget a Pod that has ended. Raises StatusError, but not when it, or another one, is there."""
    metadata = pod["metadata"]
    name, namespace, uid = metadata["name"], metadata["namespace"], metadata["uid"]
    try:
        await context.client.delete(PODS, name, namespace, grace_period_seconds=0, uid=uid)
    except StatusError as error:
        if error.code not in (404, 409):
            raise


async def remove_remains(context: NodeContext, pod: Obj, state: PodState) -> None:
    """Sandboxes, dead containers and logs of a Pod that is gone from the API. Never raises CRIError."""
    for sandbox in state.sandboxes:
        await _remove_sandbox(context, sandbox.id)
    await asyncio.to_thread(_remove_logs, context, pod, state)


async def _remove_sandbox(context: NodeContext, sandbox_id: str) -> None:
    """A container whose start was cut short may be busy for a moment: try again."""
    pause = FIRST_PAUSE
    while True:
        try:
            await context.runtime.remove_sandbox(sandbox_id)
            return
        except CRIError as error:
            if pause > LONGEST_PAUSE:
                log.warning("cannot remove sandbox %s: %s", sandbox_id, error)
                return
        await asyncio.sleep(pause)
        pause *= 2


def _remove_logs(context: NodeContext, pod: Obj, state: PodState) -> None:
    shutil.rmtree(runtime_config.pod_log_directory(context.settings.pod_logs_dir, pod), ignore_errors=True)
    directory = context.settings.container_logs_dir
    for container in state.containers:
        name = f"{container.pod_name}_{container.namespace}_{container.name}-{container.id}.log"
        (directory / name).unlink(missing_ok=True)
