"""Changing the resources of running containers in place (KEP-1287).

A changed resource is given to the runtime at once; one whose resizePolicy says RestartContainer restarts its container.
"""

import asyncio
import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from minik.agent.kubelet import cgroups, runtime_config
from minik.agent.kubelet.node_context import NodeContext
from minik.agent.kubelet.quantities import all_containers
from minik.agent.kubelet.runtime_types import CRIError, PodState
from minik.api.pod_resources import amount, amounts
from minik.api.types import Obj

log = logging.getLogger("minik.kubelet")


@dataclass(frozen=True, slots=True)
class Change:
    """One container whose resources differ from `before`; `restart` when it must be restarted for it."""

    container: Obj
    before: Obj
    restart: bool


def changes(old: Obj, new: Obj) -> list[Change]:
    """What differs between two versions of a Pod (pure)."""
    before = {container["name"]: container for container in all_containers(old)}
    found = []
    for container in all_containers(new):
        names = _changed(before.get(container["name"], container), container)
        if names:
            policies = {p["resourceName"]: p.get("restartPolicy") for p in container.get("resizePolicy") or ()}
            resources = before[container["name"]].get("resources") or {}
            found.append(Change(container, resources, any(policies.get(name) == "RestartContainer" for name in names)))
    return found


def _changed(old: Obj, new: Obj) -> set[str]:
    names: set[str] = set()
    for which in ("requests", "limits"):
        before = amounts((old.get("resources") or {}).get(which) or {})
        after = amounts((new.get("resources") or {}).get(which) or {})
        names |= {name for name in {*before, *after} if before.get(name) != after.get(name)}
    return names


def with_resources(pod: Obj, resources: Mapping[str, Obj]) -> Obj:
    """The Pod with other resources for some of its containers, by name."""
    spec = dict(pod["spec"])
    for kind in ("initContainers", "containers"):
        if kind in spec:
            spec[kind] = [{**c, "resources": resources.get(c["name"], c.get("resources") or {})} for c in spec[kind]]
    return {**pod, "spec": spec}


def resources_of(pod: Obj) -> dict[str, Obj]:
    return {container["name"]: container.get("resources") or {} for container in all_containers(pod)}


def allocated(pod: Obj) -> Obj:
    """The Pod with the resources that, as its status tells, the kubelet gave it that was here before."""
    status = pod.get("status") or {}
    told = [*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())]
    return with_resources(pod, {each["name"]: each["resources"] for each in told if "resources" in each})


async def complaint(context: NodeContext, pod: Obj, state: PodState, wanted: Sequence[Change]) -> str:
    """Why the changes cannot be made now: memory that is in use is not taken away. "" when they can."""
    lower = [change for change in wanted if not change.restart and _limit(change.container) < _limit(change)]
    running = {change.container["name"] for change in lower} & {container.name for container in state.running}
    if not running:
        return ""
    used = {one.name: one.memory_usage for one in await context.runtime.stats(pod["metadata"]["uid"])}
    texts = []
    for change in lower:
        name, limit = change.container["name"], _limit(change.container)
        if name in running and used.get(name, 0) > limit:
            wish = f'attempting to set container "{name}" memory limit ({limit:.0f})'
            texts.append(f"{wish} below current usage ({used[name]})")
    return texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]" if texts else ""


def _limit(holder: Obj | Change) -> float:
    resources = holder.before if isinstance(holder, Change) else holder.get("resources") or {}
    memory = (resources.get("limits") or {}).get("memory")
    return math.inf if memory is None else amount("memory", memory)


async def apply(context: NodeContext, pod: Obj, state: PodState, wanted: list[Change]) -> None:
    """Change the Pod's cgroup and the containers that need no restart. What the runtime refuses is logged."""
    settings = context.settings
    limits = cgroups.pod_limits(pod, cpu_cfs_quota=settings.cpu_cfs_quota, pids=settings.pod_pids_limit)
    parent = context.cgroups.pod_parent(pod)
    await asyncio.to_thread(context.cgroups.apply, parent, limits)
    for change in wanted:
        current = state.current(change.container["name"])
        if change.restart or current is None or not current.running:
            continue
        resources = runtime_config.container_resources(pod, change.container, context.host)
        try:
            await context.runtime.update_container(current.id, resources)
        except CRIError as error:
            log.warning("cannot resize container %s: %s", change.container["name"], error)
    await asyncio.to_thread(context.cgroups.apply, parent, limits)  # a limit below the old containers' was refused
