"""preFilter, filter, postFilter, reserve, preBind: a Pod gets the devices its ResourceClaims ask for.

The rules are in scheduler/dynamic_resources, which is loaded for the first Pod with claims: few clusters have any.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from minik.api.types import Obj
from minik.client.informer import Informer
from minik.client.resources import DEVICE_CLASSES, RESOURCE_CLAIMS, RESOURCE_SLICES
from minik.server.scheduler.framework import CycleState, Diagnosis, Event, Profile, Refusal, Snapshot
from minik.server.scheduler.handle import BACKED_BY_DEVICES, Handle
from minik.server.scheduler.node_info import NodeInfo, PodInfo
from minik.server.scheduler.preemption import Preemption

if TYPE_CHECKING:
    from minik.server.scheduler.dynamic_resources.cycle import Allocations, Cycle


class DynamicResources:
    name = "DynamicResources"
    events = frozenset(
        {
            Event.CLAIM,
            Event.SLICE,
            Event.DEVICE_CLASS,
            Event.DEVICE_TAINTS,
            Event.NODE_ADDED,
            Event.NODE_LABELS,
            Event.POD_CHANGED,
        }
    )

    def __init__(self, arguments: Obj, handle: Handle) -> None:
        self._arguments, self._handle = arguments, handle
        self._claims: Informer = handle.informers.of(RESOURCE_CLAIMS)
        self._slices: Informer = handle.informers.of(RESOURCE_SLICES)
        self._classes: Informer = handle.informers.of(DEVICE_CLASSES)
        self._loaded: Allocations | None = None

    @property
    def informers(self) -> Sequence[Informer]:
        return (self._claims, self._slices, self._classes)

    @property
    def _allocations(self) -> "Allocations":
        if self._loaded is None:
            from minik.server.scheduler.dynamic_resources.cycle import Allocations

            self._loaded = Allocations(self._handle, self._claims, self._slices, self._classes, self._arguments)
        return self._loaded

    def pre_filter(self, state: CycleState, pod: PodInfo, snapshot: Snapshot) -> Refusal | None:
        if not pod.spec.get("resourceClaims") and not self._may_be_backed(pod):
            return None
        started = self._allocations.start(pod)
        if isinstance(started, Refusal):
            return started
        if started is not None:
            state[self.name] = started
            state[BACKED_BY_DEVICES] = frozenset(started.extended)
        return None

    def _may_be_backed(self, pod: PodInfo) -> bool:
        """Whether a class of devices may stand for an extended resource of the Pod."""
        return len(self._classes) > 0 and any("/" in name and amount for name, amount in pod.requests.items())

    def filter(self, state: CycleState, pod: PodInfo, node: NodeInfo) -> Refusal | None:
        cycle: Cycle | None = state.get(self.name)
        return None if cycle is None else self._allocations.refusal(cycle, pod, node)

    async def post_filter(
        self, profile: Profile, state: CycleState, pod: PodInfo, snapshot: Snapshot, diagnosis: Diagnosis
    ) -> Preemption:
        """Free an idle claim that keeps the Pod from nodes, before anybody is evicted."""
        cycle: Cycle | None = state.get(self.name)
        if cycle is None or not cycle.claims:
            return Preemption(message="no new claims to deallocate")
        if await self._allocations.free_one(cycle, pod):
            return Preemption(message="deallocation of ResourceClaim completed", is_helped=True)
        return Preemption(message="still not schedulable")

    def forget(self) -> None:
        """The scheduler starts anew; what was decided and not written is void."""
        if self._loaded is not None:
            self._loaded.forget()

    async def reserve(self, state: CycleState, pod: PodInfo, node_name: str) -> None:
        cycle: Cycle | None = state.get(self.name)
        if cycle is not None:
            self._allocations.reserve(cycle, node_name)

    async def unreserve(self, state: CycleState, pod: PodInfo, node_name: str) -> None:
        cycle: Cycle | None = state.get(self.name)
        if cycle is not None:
            await self._allocations.unreserve(cycle, pod, node_name)

    async def pre_bind(self, state: CycleState, pod: PodInfo, node_name: str) -> None:
        """Raises StatusError."""
        cycle: Cycle | None = state.get(self.name)
        if cycle is not None:
            await self._allocations.write(cycle, pod, node_name)
