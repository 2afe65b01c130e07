"""What a Pod's resources mean to the kernel: QoS class, CPU shares and quota, OOM score (pure).

Sums over containers are api/pod_resources.py's. Rules: upstream's `qos` and the kubelet's `cm/helpers_linux.go`.
"""

from collections.abc import Mapping
from typing import Any

from minik.api.quantity import parse
from minik.api.types import Obj

MIN_SHARES, MAX_SHARES = 2, 262144
MIN_QUOTA, PERIOD = 1000, 100000  # microseconds
GUARANTEED, BURSTABLE, BEST_EFFORT = "Guaranteed", "Burstable", "BestEffort"
SYSTEM_CRITICAL_PRIORITY = 2_000_000_000


def value(quantity: Any) -> int:
    """Rounded up to a whole number (bytes, cores). Raises QuantityError."""
    return parse(quantity).value


def milli(quantity: Any) -> int:
    """Thousandths, rounded up (CPU). Raises QuantityError."""
    return parse(quantity).milli


def is_sidecar(container: Obj) -> bool:
    """A restartable init container (KEP-753). Only meaningful for init containers."""
    return container.get("restartPolicy") == "Always"


def _resources(container: Obj, which: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = (container.get("resources") or {}).get(which) or {}
    return found


def all_containers(pod: Obj) -> list[Obj]:
    """Init containers, then containers; ephemeral ones have no resources."""
    spec = pod["spec"]
    return [*(spec.get("initContainers") or ()), *spec["containers"]]


def container_named(pod: Obj, name: str) -> Obj:
    """Any container of the Pod, ephemeral ones too; one that the spec no longer has is just its name."""
    for container in [*all_containers(pod), *(pod["spec"].get("ephemeralContainers") or ())]:
        if container["name"] == name:
            found: Obj = container
            return found
    return {"name": name}


def qos_class(pod: Obj) -> str:
    """The API server's verdict when there is one, else computed from the containers."""
    known = (pod.get("status") or {}).get("qosClass")
    if known:
        return str(known)
    pod_level = pod["spec"].get("resources")
    holders = [{"resources": pod_level}] if pod_level else all_containers(pod)
    seen, guaranteed = False, True
    for holder in holders:
        for name in ("cpu", "memory"):
            request, limit = _resources(holder, "requests").get(name), _resources(holder, "limits").get(name)
            seen = seen or any(q is not None and parse(q).nanos > 0 for q in (request, limit))
            if (
                limit is None
                or not parse(limit).nanos
                or (request is not None and parse(request).nanos != parse(limit).nanos)
            ):
                guaranteed = False
    if not seen:
        return BEST_EFFORT
    return GUARANTEED if guaranteed else BURSTABLE


def cpu_shares(milli_cpu: int) -> int:
    return min(max(milli_cpu * 1024 // 1000, MIN_SHARES), MAX_SHARES)


def cpu_quota(milli_cpu: int) -> int:
    """CFS quota in microseconds per PERIOD; 0 means no limit."""
    return max(milli_cpu * PERIOD // 1000, MIN_QUOTA) if milli_cpu else 0


def oom_score_adj(pod: Obj, container: Obj, memory_capacity: int) -> int:
    """How soon the kernel kills this container: -997 last, 1000 first."""
    if (pod["spec"].get("priority") or 0) >= SYSTEM_CRITICAL_PRIORITY:
        return -997
    qos = qos_class(pod)
    if qos == GUARANTEED:
        return -997
    if qos == BEST_EFFORT:
        return 1000
    request = value(_resources(container, "requests").get("memory", 0))
    score = 1000 - 1000 * request // max(memory_capacity, 1)
    return 3 if score < 3 else min(score, 999)


def hugepage_limits(container: Obj) -> list[tuple[str, int]]:
    """(page size as the kernel names it such as 2MB, bytes) of every hugepages-* limit."""
    limits = []
    for name, quantity in _resources(container, "limits").items():
        if name.startswith("hugepages-"):
            limits.append((_page_name(value(name.removeprefix("hugepages-"))), value(quantity)))
    return limits


def _page_name(size: int) -> str:
    for unit, name in ((1 << 30, "GB"), (1 << 20, "MB"), (1 << 10, "KB")):
        if size >= unit:
            return f"{size // unit}{name}"
    return f"{size}B"
