"""The devices a node can reach, from ResourceSlices: pools of the newest generation, complete and consistent or not.

A pool is one driver's, spread over several slices. Devices that other nodes reach still count, because they use up
counters that the pool shares. https://kubernetes.io/docs/concepts/scheduling-eviction/dynamic-resource-allocation/
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from minik.api.node_affinity import node_selector_matches
from minik.api.quantity import parse
from minik.api.types import Obj
from minik.server.scheduler.dynamic_resources.taints import with_rules


class DeviceId(NamedTuple):
    driver: str
    pool: str
    device: str


@dataclass(frozen=True, slots=True, eq=False)
class Device:
    """A device of a slice. `spec` is the slice's, for where the device can be reached from."""

    id: DeviceId
    obj: Obj
    spec: Obj

    def attribute(self, name: str) -> Obj | None:
        """By qualified name (`domain/id`); a name without a domain in the slice belongs to the driver."""
        attributes = self.obj.get("attributes") or {}
        found: Obj | None = attributes.get(name)
        if found is None:
            domain, _, short = name.rpartition("/")
            if domain == self.id.driver:
                found = attributes.get(short)
        return found

    def placed(self, key: str) -> object:
        """`nodeName`, `nodeSelector` or `allNodes` of the device, or of its slice."""
        return (self.obj if self.spec.get("perDeviceNodeSelection") else self.spec).get(key)


@dataclass(slots=True)
class Pool:
    """`devices` can be reached from the node, `everything` is the whole pool. Counters are in billionths."""

    driver: str
    name: str
    devices: list[Device] = field(default_factory=list)
    everything: list[Device] = field(default_factory=list)
    counters: dict[tuple[str, str], int] = field(default_factory=dict)  # (set, counter) -> what there is
    incomplete: bool = False
    invalid: str = ""

    def __str__(self) -> str:
        return f"{self.driver}/{self.name}"


class Inventory:
    """All slices there are, sorted out once, since every node is asked about."""

    def __init__(self, slices: Iterable[Obj], rules: Sequence[Obj] = ()) -> None:
        """`rules`: DeviceTaintRules, whose taints count like the slices' own."""
        self._slices = _newest(slices)
        self._rules = rules
        self._of_node: dict[str, set[tuple[str, str]]] = {}
        self._anywhere: set[tuple[str, str]] = set()
        for key, found in self._slices.items():
            names = {one["spec"].get("nodeName") for one in found if not one["spec"].get("sharedCounters")}
            for name in names:
                (self._of_node.setdefault(name, set()) if name else self._anywhere).add(key)

    def pools_for(self, node: Obj) -> list[Pool]:
        """The pools with devices for this node. Those whose devices need conditions before binding come last."""
        keys = self._anywhere | self._of_node.get(node["metadata"]["name"], set())
        pools = [_pool(*key, self._slices[key], node, self._rules) for key in sorted(keys)]
        return sorted((pool for pool in pools if pool.devices), key=_needs_conditions)


def _newest(slices: Iterable[Obj]) -> Mapping[tuple[str, str], Sequence[Obj]]:
    """Slices by pool, of its highest generation only, in order of their names."""
    grouped: dict[tuple[str, str], list[Obj]] = {}
    for one in slices:
        spec = one["spec"]
        grouped.setdefault((spec["driver"], spec["pool"]["name"]), []).append(one)
    for key, found in grouped.items():
        newest = max(_generation(one) for one in found)
        kept = [one for one in found if _generation(one) == newest]
        grouped[key] = sorted(kept, key=lambda one: str(one["metadata"]["name"]))
    return grouped


def _generation(one: Obj) -> int:
    return int(one["spec"]["pool"].get("generation") or 0)


def _pool(driver: str, name: str, slices: Sequence[Obj], node: Obj, rules: Sequence[Obj]) -> Pool:
    pool = Pool(driver, name)
    pool.incomplete = len(slices) != slices[0]["spec"]["pool"].get("resourceSliceCount")
    seen: set[str] = set()
    for one in slices:
        spec = one["spec"]
        for counters in spec.get("sharedCounters") or ():
            for counter, value in (counters.get("counters") or {}).items():
                pool.counters[counters["name"], counter] = parse(value["value"]).nanos
        for obj in spec.get("devices") or ():
            id = DeviceId(driver, name, obj["name"])
            device = Device(id, with_rules(obj, id, rules) if rules else obj, spec)
            if obj["name"] in seen:
                pool.invalid = f"duplicate device name {obj['name']}"
            seen.add(obj["name"])
            pool.everything.append(device)
            if _reaches(device, node):
                pool.devices.append(device)
    return pool


def _reaches(device: Device, node: Obj) -> bool:
    name, selector = device.placed("nodeName"), device.placed("nodeSelector")
    if name:
        return bool(name == node["metadata"]["name"])
    if device.placed("allNodes"):
        return True
    return isinstance(selector, dict) and node_selector_matches(selector, node)


def _needs_conditions(pool: Pool) -> bool:
    return any(device.obj.get("bindingConditions") for device in pool.devices)
