"""preEnqueue, preFilter, filter, postFilter, score, reserve, preBind: Pods get the devices their claims ask for.

The rules are in scheduler/dynamic_resources, which is loaded for the first Pod with claims: few clusters have any.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from minik.api.status import StatusError
from minik.api.types import GVR, Obj
from minik.client.informer import Informer
from minik.client.resources import DEVICE_CLASSES, RESOURCE_CLAIMS, RESOURCE_SLICES
from minik.server.scheduler.events import Happening
from minik.server.scheduler.framework import (
    Code,
    CycleState,
    Diagnosis,
    Event,
    Profile,
    Refusal,
    Snapshot,
    normalize_to_max,
    scored_key,
)
from minik.server.scheduler.handle import BACKED_BY_DEVICES, Handle
from minik.server.scheduler.node_info import NodeInfo, PodInfo
from minik.server.scheduler.preemption import Preemption

if TYPE_CHECKING:
    from minik.server.scheduler.dynamic_resources.cycle import Allocations, Cycle

_TAINT_RULES = [GVR("resource.k8s.io", version, "devicetaintrules") for version in ("v1beta2", "v1alpha3")]
_SCORED = scored_key("DynamicResources")
_NOTHING_TO_FREE = "no new claims to deallocate"


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
        self._rules: Informer | None = None
        self._loaded: Allocations | None = None

    async def prepare(self) -> None:
        """Find out whether DeviceTaintRules are served; they are not by default."""
        for resource in _TAINT_RULES if self._rules is None else ():
            try:
                await self._handle.client.list(resource, limit=1)
            except StatusError:
                continue
            self._rules = self._handle.informers.of(resource)
            return

    @property
    def informers(self) -> Sequence[Informer]:
        rules = () if self._rules is None else (self._rules,)
        return (self._claims, self._slices, self._classes, *rules)

    @property
    def _allocations(self) -> "Allocations":
        if self._loaded is None:
            from minik.server.scheduler.dynamic_resources.cycle import Allocations

            self._loaded = Allocations(self._handle, self._arguments, self._rules)
        return self._loaded

    # -- waiting

    def pre_enqueue(self, pod: PodInfo) -> Refusal | None:
        if not pod.spec.get("resourceClaims"):
            return None
        missing = self._allocations.missing(pod.obj)
        return Refusal((missing,), Code.UNRESOLVABLE) if missing else None

    def hint(self, pod: PodInfo, what: Happening) -> bool:
        return what.event is not Event.CLAIM or self._allocations.may_help(pod, what.old, what.new)

    # -- deciding

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
            return Preemption(message=_NOTHING_TO_FREE)
        if await self._allocations.free_one(cycle, pod):
            return Preemption(message="deallocation of ResourceClaim completed", is_helped=True)
        return Preemption(message="still not schedulable")

    def pre_score(self, state: CycleState, pod: PodInfo, nodes: Sequence[NodeInfo], snapshot: Snapshot) -> None:
        """Leaves the claims that have alternatives, if any."""
        cycle: Cycle | None = state.get(self.name)
        if cycle is not None and (choosy := cycle.with_alternatives()):
            state[_SCORED] = choosy

    def score(self, state: CycleState, pod: PodInfo, node: NodeInfo) -> int:
        """The better the alternatives that the node has devices for, the more."""
        cycle: Cycle = state[self.name]
        return cycle.preference(state[_SCORED], node.name)

    def normalize(self, state: CycleState, scores: Mapping[str, int]) -> dict[str, int]:
        return normalize_to_max(scores)

    # -- keeping

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

    def pre_bind_waits(self, state: CycleState, pod: PodInfo, node_name: str) -> bool:
        return self.name in state

    async def pre_bind(self, state: CycleState, pod: PodInfo, node_name: str) -> None:
        """Raises StatusError."""
        cycle: Cycle | None = state.get(self.name)
        if cycle is not None:
            await self._allocations.write(cycle, pod, node_name)
