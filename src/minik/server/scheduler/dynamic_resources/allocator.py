"""Chooses devices for claims on one node: structured allocation. Pure.

A depth-first search: claim by claim, request by request, alternative by alternative, device by device; the first
complete answer is taken, so earlier alternatives and earlier devices win.
https://github.com/kubernetes/enhancements/tree/master/keps/sig-node/4381-dra-structured-parameters
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from minik.api.types import Obj
from minik.server.scheduler.dynamic_resources import capacity
from minik.server.scheduler.dynamic_resources.constraints import Constraint
from minik.server.scheduler.dynamic_resources.pools import Device, DeviceId, Pool
from minik.server.scheduler.dynamic_resources.requests import EVERY, AllocationError, Ask, asks_of
from minik.server.scheduler.dynamic_resources.selectors import SelectorError, Selectors
from minik.server.scheduler.dynamic_resources.taints import tolerates_all
from minik.server.scheduler.dynamic_resources.usage import Counters, Usage, counters_of, free_counters, take

MOST_DEVICES = 32  # of one claim


@dataclass(frozen=True, slots=True, eq=False)
class Chosen:
    """A device for a request. `consumed`: the share of its capacity, for devices that are shared."""

    ask: Ask
    device: Device
    consumed: dict[str, int] | None = None


def allocate(
    claims: Sequence[Obj],
    find_class: Callable[[str], Obj | None],
    pools: Sequence[Pool],
    usage: Usage,
    selectors: Selectors,
    *,
    out_of_time: Callable[[], bool] = lambda: False,
) -> list[list[Chosen]] | None:
    """Devices for each claim, or None when there are not enough. Raises AllocationError.

    `usage` is what others have; it is left as it is.
    """
    search = _Search([asks_of(claim, find_class) for claim in claims], claims, pools, usage, selectors, out_of_time)
    return search.chosen if search.claim(0) else None


class _Search:
    def __init__(
        self,
        asks: Sequence[Sequence[Sequence[Ask]]],
        claims: Sequence[Obj],
        pools: Sequence[Pool],
        usage: Usage,
        selectors: Selectors,
        out_of_time: Callable[[], bool],
    ) -> None:
        self._asks, self._pools, self._usage, self._selectors = asks, pools, usage, selectors
        self._out_of_time = out_of_time
        self._constraints = [
            [Constraint(spec) for spec in (claim["spec"].get("devices") or {}).get("constraints") or ()]
            for claim in claims
        ]
        self._candidates: dict[int, list[Device]] = {}
        self._free: dict[tuple[str, str], Counters] = {}
        self._taken: dict[DeviceId, list[dict[str, int] | None]] = {}  # in this search
        self.chosen: list[list[Chosen]] = [[] for _ in claims]

    def claim(self, number: int) -> bool:
        return number == len(self._asks) or self._request(number, 0)

    def _request(self, claim: int, number: int) -> bool:
        if number == len(self._asks[claim]):
            return self.claim(claim + 1)
        for ask in self._asks[claim][number]:
            devices = self._matching(ask)
            count = len(devices) if ask.count == EVERY else ask.count
            possible = devices and len(self.chosen[claim]) + count <= MOST_DEVICES
            if possible and self._choose(claim, number, ask, devices, 0, count):
                return True
        return False

    def _choose(self, claim: int, number: int, ask: Ask, devices: Sequence[Device], start: int, left: int) -> bool:
        """The rest of a request's devices, from `start` on: their order makes no difference."""
        if not left:
            return self._request(claim, number + 1)
        if self._out_of_time():
            raise AllocationError("timed out trying to allocate devices")
        for index in range(start, len(devices)):
            device = devices[index]
            if self._use(claim, ask, device):
                again = index if device.obj.get("allowMultipleAllocations") and ask.count != EVERY else index + 1
                if self._choose(claim, number, ask, devices, again, left - 1):
                    return True
                self._release(claim)
            if ask.count == EVERY:
                return False
        return False

    # -- one device

    def _use(self, claim: int, ask: Ask, device: Device) -> bool:
        """Choose a device if it is free and keeps the claim's constraints."""
        share: dict[str, int] | None = None
        if not ask.is_admin:
            if device.obj.get("allowMultipleAllocations"):
                share = capacity.consumed(device.obj, ask.obj)
                if share is None or not capacity.fits(device.obj, self._used_of(device), share):
                    return False
            elif self._usage.has(device.id) or device.id in self._taken:
                return False
            if not self._has_counters(device):
                return False
        for place, constraint in enumerate(self._constraints[claim]):
            if not constraint.add(ask.name, device):
                for earlier in self._constraints[claim][:place]:
                    earlier.remove(ask.name)
                return False
        if not ask.is_admin:
            self._take_counters(device, 1)
            self._taken.setdefault(device.id, []).append(share)
        self.chosen[claim].append(Chosen(ask, device, share))
        return True

    def _release(self, claim: int) -> None:
        last = self.chosen[claim].pop()
        for constraint in self._constraints[claim]:
            constraint.remove(last.ask.name)
        if not last.ask.is_admin:
            shares = self._taken[last.device.id]
            shares.pop()
            if not shares:
                del self._taken[last.device.id]
            self._take_counters(last.device, -1)

    def _used_of(self, device: Device) -> dict[str, int]:
        used = dict(self._usage.shared.get(device.id) or {})
        for share in self._taken.get(device.id) or ():
            for name, amount in (share or {}).items():
                used[name] = used.get(name, 0) + amount
        return used

    def _counters(self, device: Device) -> Counters:
        key = device.id[:2]
        if key not in self._free:
            pool = next(pool for pool in self._pools if (pool.driver, pool.name) == key)
            self._free[key] = free_counters(pool, self._usage)
        return self._free[key]

    def _has_counters(self, device: Device) -> bool:
        """Shares of one device use its counters up once."""
        if not device.obj.get("consumesCounters") or self._usage.has(device.id) or device.id in self._taken:
            return True
        free = self._counters(device)
        return all(free.get(key, 0) >= amount for key, amount in counters_of(device).items())

    def _take_counters(self, device: Device, sign: int) -> None:
        if device.obj.get("consumesCounters") and not self._usage.has(device.id) and device.id not in self._taken:
            take(self._counters(device), counters_of(device), sign)

    # -- what matches a request, free or not

    def _matching(self, ask: Ask) -> list[Device]:
        found = self._candidates.get(id(ask))
        if found is None:
            found = [device for pool in self._pools_for(ask) for device in pool.devices if self._matches(ask, device)]
            self._candidates[id(ask)] = found
        return found

    def _pools_for(self, ask: Ask) -> Sequence[Pool]:
        if ask.count != EVERY:
            return [pool for pool in self._pools if not pool.invalid]
        for pool in self._pools:
            state = "being updated" if pool.incomplete else "invalid" if pool.invalid else ""
            if state:
                raise AllocationError(
                    f"request {ask.name}: asks for all devices, but resource pool {pool} is currently {state}"
                )
        return self._pools

    def _matches(self, ask: Ask, device: Device) -> bool:
        if not tolerates_all(device.obj.get("taints") or (), ask.tolerations):
            return False
        if not device.obj.get("allowMultipleAllocations") and not capacity.is_enough(device.obj, ask.obj):
            return False
        try:
            return all(self._selectors.matches(expression, device) for expression in ask.selectors)
        except SelectorError as error:
            raise AllocationError(f"request {ask.name}: selector: {error}") from None
