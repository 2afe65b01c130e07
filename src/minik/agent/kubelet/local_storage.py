"""Pods that use more of the node's disk than they may: emptyDir's sizeLimit, and limits of ephemeral-storage.

https://kubernetes.io/docs/concepts/storage/ephemeral-storage/#resource-emphemeralstorage-consumption
"""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from minik.agent.kubelet.quantities import value
from minik.agent.kubelet.volumes import empty_dir
from minik.api.pod_resources import pod_quantities
from minik.api.types import Obj

_STORAGE = "ephemeral-storage"
_BLOCK = 512  # bytes, the unit of st_blocks


@dataclass(frozen=True, slots=True)
class Usage:
    """Bytes, by the names of emptyDir volumes and of containers (what they wrote and logged)."""

    volumes: Mapping[str, int]
    containers: Mapping[str, int]


def is_limited(pod: Obj) -> bool:
    """Whether there is anything to measure."""
    containers = (*pod["spec"]["containers"], *(pod["spec"].get("initContainers") or ()))
    limits = ((each.get("resources") or {}).get("limits") or {} for each in containers)
    return any(_STORAGE in each for each in limits) or any(True for _ in _size_limits(pod))


def measure(pod: Obj, directory: Path, logs: Path, written: Mapping[str, int]) -> Usage:
    """`directory` is the Pod's; `written` is what the runtime says of containers. Walks files: for a thread."""
    root = empty_dir.directory(directory)
    volumes = {volume["name"]: _size(root / volume["name"]) for volume in _empty_dirs(pod)}
    return Usage(volumes, {name: used + _size(logs / name) for name, used in written.items()})


def excess(pod: Obj, usage: Usage) -> str:
    """Why the Pod has to go; "" if it may stay."""
    for name, limit in _size_limits(pod):
        if 0 < value(limit) < usage.volumes.get(name, 0):
            return f'Usage of EmptyDir volume "{name}" exceeds the limit "{limit}". '
    total = pod_quantities(pod, "limits").get(_STORAGE)
    on_disk = sum(usage.volumes.get(each["name"], 0) for each in _empty_dirs(pod) if not each["emptyDir"].get("medium"))
    if total is not None and on_disk + sum(usage.containers.values()) > total.value:
        return f"Pod ephemeral local storage usage exceeds the total limit of containers {total}. "
    for container in pod["spec"]["containers"]:
        own = ((container.get("resources") or {}).get("limits") or {}).get(_STORAGE)
        if own is not None and usage.containers.get(container["name"], 0) > value(own):
            return f'Container {container["name"]} exceeded its local ephemeral storage limit "{own}". '
    return ""


def _empty_dirs(pod: Obj) -> list[Obj]:
    return [volume for volume in pod["spec"].get("volumes") or () if volume.get("emptyDir") is not None]


def _size_limits(pod: Obj) -> Iterator[tuple[str, str]]:
    for volume in _empty_dirs(pod):
        if volume["emptyDir"].get("sizeLimit"):
            yield volume["name"], volume["emptyDir"]["sizeLimit"]


def _size(directory: Path) -> int:
    """The blocks of all files below; those with several names count once. What goes away meanwhile counts nothing."""
    total, seen = 0, set()
    for where, names, files in os.walk(directory):
        for name in (*names, *files, "."):
            try:
                found = os.lstat(os.path.join(where, name))
            except OSError:
                continue
            if (found.st_dev, found.st_ino) not in seen:
                seen.add((found.st_dev, found.st_ino))
                total += found.st_blocks * _BLOCK
    return total
