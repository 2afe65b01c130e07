"""Pods that the runtime or the disk still has but the API no longer: found at start, ended like any other."""

import asyncio
import shutil
from collections.abc import Collection

from minik.agent.kubelet import runtime_types as names
from minik.agent.kubelet.node_context import NodeContext
from minik.agent.kubelet.runtime import Runtime
from minik.agent.kubelet.runtime_types import Container, Sandbox
from minik.agent.kubelet.volumes.pod_volumes import remove_pod_directory
from minik.api.types import Obj

Found = dict[str, Obj]


async def running_pods(runtime: Runtime) -> Found:
    """uid -> what the labels tell of the Pod, for every Pod in the runtime."""
    sandboxes, containers = await asyncio.gather(runtime.sandboxes(), runtime.containers())
    found: Found = {}
    for sandbox in sandboxes:
        found.setdefault(sandbox.uid, _pod_of(sandbox, [c for c in containers if c.pod_uid == sandbox.uid]))
    return found


def _pod_of(sandbox: Sandbox, containers: list[Container]) -> Obj:
    graces = [c.annotations.get(names.CONTAINER_GRACE_ANNOTATION) for c in containers]
    grace = next((int(text) for text in graces if text), 30)
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": sandbox.pod_name, "namespace": sandbox.namespace, "uid": sandbox.uid},
        "spec": {
            "containers": [{"name": name} for name in dict.fromkeys(c.name for c in containers)],
            "terminationGracePeriodSeconds": grace,
        },
    }


async def find(context: NodeContext, in_runtime: Found, known: Collection[str]) -> list[Obj]:
    """Pods to end; directories and cgroups of Pods that even the runtime forgot are removed at once."""
    alive = {*known, *in_runtime}
    await asyncio.to_thread(_sweep, context, alive)
    return [pod for uid, pod in in_runtime.items() if uid not in known]


def _sweep(context: NodeContext, alive: Collection[str]) -> None:
    for directory in (context.settings.root_dir / "pods").glob("*"):
        if directory.name not in alive:
            remove_pod_directory(directory)
    for directory in context.settings.pod_logs_dir.glob("*_*_*"):
        if directory.name.rpartition("_")[2] not in alive:
            shutil.rmtree(directory, ignore_errors=True)
    for link in context.settings.container_logs_dir.glob("*.log"):
        if link.is_symlink() and not link.exists():
            link.unlink(missing_ok=True)
    for uid, parent in context.cgroups.pod_cgroups().items():
        if uid not in alive:
            context.cgroups.remove(parent)
