"""emptyDir volumes, on disk or in memory. https://kubernetes.io/docs/concepts/storage/volumes/#emptydir"""

import asyncio
from pathlib import Path

from minik.agent import mounts
from minik.agent.kubelet import quantities
from minik.agent.kubelet.volumes.volume import VolumeContext, VolumeError
from minik.api.pod_resources import pod_limits
from minik.api.types import Obj

PLUGIN = "empty-dir"


def directory(pod_directory: Path) -> Path:
    """Where a Pod's are, by name."""
    return pod_directory / "volumes" / f"kubernetes.io~{PLUGIN}"


async def set_up(volume: Obj, context: VolumeContext) -> Path:
    source = volume["emptyDir"] or {}
    path = context.path(PLUGIN, volume["name"])
    await asyncio.to_thread(_make, path, source, context.pod)
    return path


def _make(path: Path, source: Obj, pod: Obj) -> None:
    medium = source.get("medium") or ""
    path.mkdir(parents=True, exist_ok=True)
    if medium and not mounts.is_mount_point(path):
        if medium == "Memory":
            size = _memory_size(source, pod)
            mounts.mount("tmpfs", str(path), "tmpfs", data=f"size={size}" if size else "")
        elif medium.startswith("HugePages"):
            page = quantities.value(medium.removeprefix("HugePages-")) if "-" in medium else _only_page_size(pod)
            mounts.mount("nodev", str(path), "hugetlbfs", data=f"pagesize={page}")
        else:
            raise VolumeError(f'unknown storage medium "{medium}"')
    if path.stat().st_mode & 0o777 != 0o777:
        path.chmod(path.stat().st_mode & 0o7000 | 0o777)


def _memory_size(source: Obj, pod: Obj) -> int:
    """The smaller of sizeLimit and the Pod's memory limit; 0: half the machine, the kernel's default."""
    sizes = [quantities.value(source["sizeLimit"])] if source.get("sizeLimit") else []
    limits = [((c.get("resources") or {}).get("limits") or {}).get("memory") for c in quantities.all_containers(pod)]
    if all(limits):
        sizes.append(pod_limits(pod)["memory"])
    return min((size for size in sizes if size), default=0)


def _only_page_size(pod: Obj) -> int:
    sizes = {
        name.removeprefix("hugepages-")
        for container in quantities.all_containers(pod)
        for name in (container.get("resources") or {}).get("limits") or {}
        if name.startswith("hugepages-")
    }
    if len(sizes) != 1:
        raise VolumeError("medium HugePages can only be used with a single hugepages size")
    return quantities.value(sizes.pop())
