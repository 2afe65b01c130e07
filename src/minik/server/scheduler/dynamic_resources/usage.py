"""What is allocated already: whole devices, shares of devices, and counters that devices of a pool use up. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from minik.api.types import Obj
from minik.server.scheduler.dynamic_resources.capacity import nanos
from minik.server.scheduler.dynamic_resources.pools import Device, DeviceId, Pool


@dataclass(slots=True)
class Usage:
    """`whole` devices are one request's alone; of `shared` ones, capacity (in billionths) is used by name."""

    whole: set[DeviceId] = field(default_factory=set)
    shared: dict[DeviceId, dict[str, int]] = field(default_factory=dict)

    def has(self, device: DeviceId) -> bool:
        return device in self.whole or device in self.shared


def usage_of(allocations: Iterable[Obj]) -> Usage:
    """What these AllocationResults use. Administrators' access uses nothing up."""
    usage = Usage()
    for allocation in allocations:
        for result in (allocation.get("devices") or {}).get("results") or ():
            if result.get("adminAccess"):
                continue
            device = DeviceId(result["driver"], result["pool"], result["device"])
            if not result.get("shareID"):
                usage.whole.add(device)
                continue
            used = usage.shared.setdefault(device, {})
            for name, amount in (result.get("consumedCapacity") or {}).items():
                used[name] = used.get(name, 0) + nanos(amount)
    return usage


Counters = dict[tuple[str, str], int]  # (counter set, counter) -> billionths


def counters_of(device: Device) -> Counters:
    """What the device takes from the counters of its pool."""
    found: Counters = {}
    for consumption in device.obj.get("consumesCounters") or ():
        for counter, value in (consumption.get("counters") or {}).items():
            found[consumption["counterSet"], counter] = nanos(value["value"])
    return found


def free_counters(pool: Pool, usage: Usage) -> Counters:
    """What is left of the pool's counters, whichever nodes the devices that use them are on."""
    free = dict(pool.counters)
    for device in pool.everything:
        if usage.has(device.id):
            take(free, counters_of(device))
    return free


def take(free: Counters, amounts: Mapping[tuple[str, str], int], sign: int = 1) -> None:
    for key, amount in amounts.items():
        free[key] = free.get(key, 0) - sign * amount
