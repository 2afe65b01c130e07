"""Removes what a living Pod no longer needs: dead containers but for the newest two attempts, empty old sandboxes.

The current attempt and the one before are kept: `lastState` and `kubectl logs --previous` show the latter.
"""

import asyncio
import logging

from minik.agent.kubelet import pod_files
from minik.agent.kubelet.node_context import NodeContext
from minik.agent.kubelet.runtime_types import Container, CRIError, PodState, Sandbox

log = logging.getLogger("minik.kubelet")

KEPT_ATTEMPTS = 2


def superfluous(state: PodState) -> tuple[list[Container], list[Sandbox]]:
    """What may go (pure)."""
    seen: dict[str, int] = {}
    old = []
    for container in state.containers:
        seen[container.name] = seen.get(container.name, 0) + 1
        if seen[container.name] > KEPT_ATTEMPTS and not container.running:
            old.append(container)
    used = {container.sandbox_id for container in state.containers}
    return old, [sandbox for sandbox in state.sandboxes[1:] if not sandbox.ready and sandbox.id not in used]


async def collect(context: NodeContext, state: PodState) -> list[Container]:
    """Remove it, logs and all. Returns the containers removed; what the runtime keeps is tried again later."""
    containers, sandboxes = superfluous(state)
    removed = []
    try:
        for container in containers:
            await context.runtime.remove_container(container.id)
            await asyncio.to_thread(pod_files.remove_container_files, context.settings.container_logs_dir, container)
            removed.append(container)
        for sandbox in sandboxes:
            await context.runtime.remove_sandbox(sandbox.id)
    except CRIError as error:
        log.warning("cannot remove what is left of an earlier start: %s", error)
    return removed
