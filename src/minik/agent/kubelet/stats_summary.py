"""What the node and its Pods use, with file systems: the kubelet's /stats/summary, for monitoring tools.

Read when asked for, from the same sources as /metrics/resource; rates (usageNanoCores) are left to who asks twice.
Shape: k8s.io/kubelet's stats/v1alpha1 Summary.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from minik.agent.kubelet import machine
from minik.agent.kubelet.resource_metrics import node_usage
from minik.agent.kubelet.runtime import Runtime
from minik.agent.kubelet.runtime_types import ContainerStats
from minik.api.types import Obj
from minik.client.clock import format_time


@dataclass(frozen=True, slots=True)
class NodeUsage:
    """CPU in core-seconds since the machine started, memory in bytes, process ids as machine.process_ids tells."""

    name: str
    cpu: float
    memory: int
    available: int
    disk: machine.Filesystem
    process_ids: tuple[int, int]


async def stats_summary(runtime: Runtime, node_name: str, root: Path, *, brief: bool) -> Obj:
    """`brief`: only CPU and memory. Raises CRIError."""
    stats = [one for one in await runtime.stats() if one.timestamp]
    created = {container.id: container.created_at for container in await runtime.containers()}
    cpu, memory = await asyncio.to_thread(node_usage)
    disk, pids = machine.filesystem(root), machine.process_ids()
    node = NodeUsage(node_name, cpu, memory, machine.memory_available(), disk, pids)
    return summary(node, stats, created, datetime.now(UTC), brief=brief)


def summary(
    node: NodeUsage, stats: Sequence[ContainerStats], created: Mapping[str, int], now: datetime, *, brief: bool = False
) -> Obj:
    """`created`: when containers were created, in ns since the epoch."""
    by_pod: dict[str, list[ContainerStats]] = {}
    for one in stats:
        by_pod.setdefault(one.pod_uid, []).append(one)
    return {
        "node": _node(node, format_time(now), brief=brief),
        "pods": [_pod(group, created, node.disk, brief=brief) for group in by_pod.values()],
    }


def _node(node: NodeUsage, now: str, *, brief: bool) -> Obj:
    found: Obj = {
        "nodeName": node.name,
        "cpu": {"time": now, "usageCoreNanoSeconds": int(node.cpu * 1e9)},
        "memory": {"time": now, "availableBytes": node.available, "workingSetBytes": node.memory},
    }
    if not brief:
        disk = {"time": now, **_disk(node.disk), "usedBytes": node.disk.capacity - node.disk.available}
        disk["inodesUsed"] = node.disk.inodes - node.disk.inodes_free
        found |= {"fs": disk, "runtime": {"imageFs": disk, "containerFs": disk}}
        most, running = node.process_ids
        found["rlimit"] = {"time": now, "maxpid": most, "curproc": running}
    return found


def _disk(disk: machine.Filesystem) -> Obj:
    return {
        "availableBytes": disk.available,
        "capacityBytes": disk.capacity,
        "inodesFree": disk.inodes_free,
        "inodes": disk.inodes,
    }


def _pod(group: Sequence[ContainerStats], created: Mapping[str, int], disk: machine.Filesystem, *, brief: bool) -> Obj:
    first, at = group[0], _time(max(one.timestamp for one in group))
    return {
        "podRef": {"name": first.pod_name, "namespace": first.namespace, "uid": first.pod_uid},
        "startTime": _time(min(created.get(one.id, one.timestamp) for one in group)),
        "containers": [_container(one, created, disk, brief=brief) for one in group],
        "cpu": {"time": at, "usageCoreNanoSeconds": sum(one.cpu_ns for one in group)},
        "memory": {
            "time": at,
            "usageBytes": sum(one.memory_usage for one in group),
            "workingSetBytes": sum(one.memory_working_set for one in group),
            "rssBytes": sum(one.memory_rss for one in group),
        },
    }


def _container(one: ContainerStats, created: Mapping[str, int], disk: machine.Filesystem, *, brief: bool) -> Obj:
    at = _time(one.timestamp)
    found: Obj = {
        "name": one.name,
        "startTime": _time(created.get(one.id, one.timestamp)),
        "cpu": {"time": at, "usageCoreNanoSeconds": one.cpu_ns},
        "memory": {
            "time": at,
            "usageBytes": one.memory_usage,
            "workingSetBytes": one.memory_working_set,
            "rssBytes": one.memory_rss,
        },
    }
    if not brief:
        used = {"usedBytes": one.rootfs_used, "inodesUsed": one.rootfs_inodes}
        found["rootfs"] = {"time": at, **_disk(disk), **used}
    return found


def _time(nanoseconds: int) -> str:
    return format_time(datetime.fromtimestamp(nanoseconds // 1_000_000_000, UTC))
