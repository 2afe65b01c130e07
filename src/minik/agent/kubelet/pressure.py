"""Node pressure: which hard eviction thresholds are crossed, and which Pod has to go (pure).

https://kubernetes.io/docs/concepts/scheduling-eviction/node-pressure-eviction/
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from minik.agent.kubelet.config import KubeletSettings
from minik.agent.kubelet.machine import Filesystem, Machine
from minik.agent.kubelet.node_status import Pressure, threshold
from minik.agent.kubelet.quantities import SYSTEM_CRITICAL_PRIORITY
from minik.api.pod_resources import pod_requests
from minik.api.types import Obj

TRANSITION_PERIOD = 300.0  # seconds that a pressure is reported after it is over
MESSAGE = "The node was low on resource: {resource}. Threshold quantity: {threshold}, available: {available}. "


@dataclass(frozen=True, slots=True)
class Shortage:
    """One crossed threshold. `resource` is memory, ephemeral-storage or pids."""

    resource: str
    threshold: int
    available: int


def shortages(
    machine: Machine,
    memory_available: int,
    nodefs: Filesystem,
    imagefs: Filesystem,
    pids: tuple[int, int],
    settings: KubeletSettings,
) -> list[Shortage]:
    found = []
    signals = (
        ("memory.available", "memory", machine.memory, memory_available),
        ("nodefs.available", "ephemeral-storage", nodefs.capacity, nodefs.available),
        ("nodefs.inodesFree", "inodes", nodefs.inodes, nodefs.inodes_free),
        ("imagefs.available", "ephemeral-storage", imagefs.capacity, imagefs.available),
        ("imagefs.inodesFree", "inodes", imagefs.inodes, imagefs.inodes_free),
        ("pid.available", "pids", pids[0], pids[0] - pids[1]),
    )
    for signal, resource, total, available in signals:
        limit = threshold(settings, signal, total)
        if total and limit and available < limit:
            found.append(Shortage(resource, limit, available))
    return found


class PressureMemory:
    """Remembers when each pressure was last seen, so that the conditions do not flap."""

    def __init__(self) -> None:
        self._seen: dict[str, float] = {}

    def update(self, found: Sequence[Shortage], now: float) -> Pressure:
        for shortage in found:
            kind = {"memory": "memory", "pids": "pids"}.get(shortage.resource, "disk")
            self._seen[kind] = now
        held = {kind for kind, when in self._seen.items() if now - when < TRANSITION_PERIOD}
        return Pressure("memory" in held, "disk" in held, "pids" in held)


def victim(pods: Sequence[Obj], memory_used: Mapping[str, int], shortage: Shortage) -> Obj | None:
    """The Pod to evict: one that uses more than it requested, then low priority, then by how much it exceeds."""

    def rank(pod: Obj) -> tuple[bool, int, int]:
        used = memory_used.get(pod["metadata"]["uid"], 0)
        excess = used - pod_requests(pod).get("memory", 0)
        return excess <= 0, pod["spec"].get("priority") or 0, -excess

    candidates = [pod for pod in pods if (pod["spec"].get("priority") or 0) < SYSTEM_CRITICAL_PRIORITY]
    return min(candidates, key=rank) if candidates else None


def message(shortage: Shortage) -> str:
    unit = "" if shortage.resource in ("pids", "inodes") else "Ki"
    scale = 1024 if unit else 1
    return MESSAGE.format(
        resource=shortage.resource,
        threshold=f"{shortage.threshold // scale}{unit}",
        available=f"{shortage.available // scale}{unit}",
    )
