"""preFilter, filter, reserve, preBind: a Pod goes only where its claims' volumes are or can be.

Claims of a class that waits for its first consumer are decided here: a fitting volume is reserved, or the claim gets
the node its provisioner must use; the Pod is bound when its claims are. What was decided counts before it is written.
https://kubernetes.io/docs/concepts/storage/storage-classes/#volume-binding-mode
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from minik.api.node_affinity import node_selector_matches
from minik.api.quantity import parse
from minik.api.status import StatusError
from minik.api.types import Obj
from minik.client.informer import Change, Informer, object_key
from minik.client.resources import (
    CSI_DRIVERS,
    CSI_STORAGE_CAPACITIES,
    PERSISTENT_VOLUME_CLAIMS,
    PERSISTENT_VOLUMES,
    STORAGE_CLASSES,
)
from minik.server.controllers.objects import own_copy
from minik.server.scheduler.events import Happening
from minik.server.scheduler.framework import Code, CycleState, Event, Refusal, Snapshot
from minik.server.scheduler.handle import Handle
from minik.server.scheduler.node_info import NodeInfo, PodInfo
from minik.server.volumes import binding, matching
from minik.server.volumes.pod_claims import claim_name, is_made_for
from minik.server.volumes.storage_capacity import has_room

_CONFLICT = "node(s) didn't match PersistentVolume's node affinity"
_NO_VOLUME = "node(s) didn't find available persistent volumes to bind"
_MISSING = "node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)"
_NO_ROOM = "node(s) did not have enough free storage"
_IMMEDIATE = "pod has unbound immediate PersistentVolumeClaims"


@dataclass(slots=True)
class _Claims:
    """What preFilter found; `choices` is filled by filter: node -> claim key -> volume, None: to be provisioned."""

    volumes: Sequence[str]  # of bound claims
    unbound: Sequence[Obj]
    choices: dict[str, Mapping[str, Obj | None]] = field(default_factory=dict)


@dataclass(slots=True)
class _Decided:
    """What the API does not show yet: the claims volumes are for, the nodes claims are for."""

    promised: dict[str, str] = field(default_factory=dict)
    placed: dict[str, str] = field(default_factory=dict)


class VolumeBinding:
    name = "VolumeBinding"
    events = frozenset(
        {
            Event.VOLUME,
            Event.VOLUME_CLAIM,
            Event.STORAGE_CLASS,
            Event.CSI_DRIVER,
            Event.CSI_CAPACITY,
            Event.NODE_ADDED,
            Event.NODE_LABELS,
            Event.POD_CHANGED,
        }
    )

    def __init__(self, arguments: Obj, handle: Handle) -> None:
        informers = handle.informers
        self._client = handle.client
        self._timeout = float(arguments["bindTimeoutSeconds"])
        self._claims: Informer = informers.of(PERSISTENT_VOLUME_CLAIMS)
        self._volumes: Informer = informers.of(PERSISTENT_VOLUMES)
        self._classes: Informer = informers.of(STORAGE_CLASSES)
        self._drivers: Informer = informers.of(CSI_DRIVERS)
        self._capacities: Informer = informers.of(CSI_STORAGE_CAPACITIES)
        decided = handle.shared(self.name, _Decided)
        self._promised, self._placed = decided.promised, decided.placed

    @property
    def informers(self) -> Sequence[Informer]:
        """What the scheduler must wait for, and look again after."""
        return (self._claims, self._volumes, self._classes, self._drivers, self._capacities)

    def hint(self, pod: PodInfo, what: Happening) -> bool:
        """A claim must be the Pod's, a driver must no longer look at capacity, and there must be more of that."""
        old, new = what.old, what.new
        if what.event is Event.VOLUME_CLAIM:
            return object_key(what.obj) in {f"{pod.namespace}/{name}" for name in _claim_names(pod.obj)}
        if what.event is Event.CSI_DRIVER and old is not None and new is not None:
            return bool(old["spec"].get("storageCapacity")) and not new["spec"].get("storageCapacity")
        if what.event is Event.CSI_CAPACITY and old is not None and new is not None:
            return any(
                parse(new.get(key) or "0").value > parse(old.get(key) or "0").value
                for key in ("capacity", "maximumVolumeSize")
            )
        return True

    def pre_filter(self, state: CycleState, pod: PodInfo, snapshot: Snapshot) -> Refusal | None:
        bound, unbound = [], []
        for volume in pod.spec.get("volumes") or ():
            name = claim_name(pod.obj, volume)
            if not name:
                continue
            claim = self._claims.get(name, pod.namespace)
            problem = _problem(pod, name, claim, made_for_pod="ephemeral" in volume)
            if problem or claim is None:
                return Refusal((problem,), Code.UNRESOLVABLE)
            if matching.is_fully_bound(claim):
                bound.append(claim["spec"]["volumeName"])
            elif not matching.is_wanted_later(self._classes.get(matching.class_of(claim))):
                return Refusal((_IMMEDIATE,), Code.UNRESOLVABLE)
            else:
                unbound.append(claim)
        if bound or unbound:
            state[self.name] = _Claims(bound, unbound)
        return None

    def filter(self, state: CycleState, pod: PodInfo, node: NodeInfo) -> Refusal | None:
        claims: _Claims | None = state.get(self.name)
        if claims is None or node.node is None:
            return None
        for name in claims.volumes:
            volume = self._volumes.get(name)
            if volume is None:
                return Refusal((_MISSING,), Code.UNRESOLVABLE)
            if not matching.fits_node(volume, node.node):
                return Refusal((_CONFLICT,), Code.UNRESOLVABLE)
        choices: dict[str, Obj | None] = {}
        for claim in sorted(claims.unbound, key=matching.requested):
            refusal = self._choose(claim, node.node, choices)
            if refusal is not None:
                return refusal
        claims.choices[node.name] = choices
        return None

    def _choose(self, claim: Obj, node: Obj, choices: dict[str, Obj | None]) -> Refusal | None:
        """A volume for the claim, or None for one to be made, into `choices`."""
        key = _key(claim)
        chosen = matching.annotations(claim).get(matching.SELECTED_NODE) or self._placed.get(key)
        if chosen not in (None, node["metadata"]["name"]):
            return Refusal((_CONFLICT,), Code.UNRESOLVABLE)  # being provisioned elsewhere
        taken = {volume["metadata"]["name"] for volume in choices.values() if volume is not None}
        taken |= {volume for volume, other in self._promised.items() if other != key}
        volume = None
        if not matching.annotations(claim).get(matching.SELECTED_NODE):
            volume = matching.find_best(self._volumes.list(), claim, node=node, taken=taken)
        if volume is None:
            problem = self._cannot_provision(claim, node)
            if problem:
                return Refusal((problem,), Code.UNRESOLVABLE)
        choices[claim["metadata"]["name"]] = volume
        return None

    def _cannot_provision(self, claim: Obj, node: Obj) -> str:
        """Why no volume can be made for the claim where the node reaches it; "" if one can."""
        storage_class = self._classes.get(matching.class_of(claim))
        if storage_class is None or storage_class["provisioner"] == matching.NO_PROVISIONER:
            return _NO_VOLUME
        topologies = storage_class.get("allowedTopologies") or ()
        terms = [
            {"matchExpressions": [{**one, "operator": "In"} for one in topology.get("matchLabelExpressions") or ()]}
            for topology in topologies
        ]
        if terms and not node_selector_matches({"nodeSelectorTerms": terms}, node):
            return _NO_VOLUME
        driver = self._drivers.get(storage_class["provisioner"])
        return "" if has_room(claim, storage_class, driver, self._capacities.list(), node) else _NO_ROOM

    def forget(self) -> None:
        """The scheduler starts anew; what was decided and not written is void."""
        self._promised.clear()
        self._placed.clear()

    async def reserve(self, state: CycleState, pod: PodInfo, node_name: str) -> None:
        """Until the API shows it, no other Pod may count on the same volumes or on another node for a claim."""
        claims: _Claims | None = state.get(self.name)
        if claims is None:
            return
        for name, volume in (claims.choices.get(node_name) or {}).items():
            key = f"{pod.namespace}/{name}"
            self._placed[key] = node_name
            if volume is not None:
                self._promised[volume["metadata"]["name"]] = key

    async def unreserve(self, state: CycleState, pod: PodInfo, node_name: str) -> None:
        self._forget(state.get(self.name), pod, node_name)

    def _forget(self, claims: _Claims | None, pod: PodInfo, node_name: str) -> None:
        for name, volume in ((claims.choices.get(node_name) or {}) if claims is not None else {}).items():
            self._placed.pop(f"{pod.namespace}/{name}", None)
            if volume is not None:
                self._promised.pop(volume["metadata"]["name"], None)

    def pre_bind_waits(self, state: CycleState, pod: PodInfo, node_name: str) -> bool:
        claims: _Claims | None = state.get(self.name)
        return claims is not None and bool(claims.unbound)

    async def pre_bind(self, state: CycleState, pod: PodInfo, node_name: str) -> None:
        """Reserve volumes, or ask for them, and wait. Raises StatusError and TimeoutError."""
        claims: _Claims | None = state.get(self.name)
        if claims is None or not claims.unbound:
            return
        by_name = {claim["metadata"]["name"]: claim for claim in claims.unbound}
        asked: dict[str, int] = {}
        for name, volume in claims.choices[node_name].items():
            asked[f"{pod.namespace}/{name}"] = await self._request(by_name[name], volume, node_name)
        await self._wait_bound(asked, node_name)
        self._forget(claims, pod, node_name)

    async def _request(self, claim: Obj, volume: Obj | None, node_name: str) -> int:
        """Reserve the volume, or name the node to the provisioner; the version of the claim that has its node then."""
        if volume is not None:
            changed = binding.with_claim(volume, claim)
            if changed is not None:
                await self._client.update(PERSISTENT_VOLUMES, changed)
            return 0
        if matching.SELECTED_NODE not in matching.annotations(claim):
            changed = own_copy(claim)
            changed["metadata"].setdefault("annotations", {})[matching.SELECTED_NODE] = node_name
            claim = await self._client.update(PERSISTENT_VOLUME_CLAIMS, changed, claim["metadata"]["namespace"])
        return int(claim["metadata"]["resourceVersion"])

    async def _wait_bound(self, asked: Mapping[str, int], node_name: str) -> None:
        """`asked`: claims with the version that has the chosen node, 0 for those that get an existing volume."""
        changed = asyncio.Event()

        def look(_: Sequence[Change]) -> None:
            changed.set()

        self._claims.add_handler(look)
        try:
            async with asyncio.timeout(self._timeout):
                while not all([self._is_bound(key, version, node_name) for key, version in asked.items()]):
                    await changed.wait()
                    changed.clear()
        except TimeoutError:
            raise StatusError(504, "Timeout", "binding volumes: context deadline exceeded") from None
        finally:
            self._claims.remove_handler(look)

    def _is_bound(self, key: str, version: int, node_name: str) -> bool:
        """Raises StatusError when the claim went, or its provisioner gave up on the node."""
        claim = self._claims.get_key(key)
        if claim is None:
            raise StatusError(409, "Conflict", f'persistentvolumeclaim "{key.rpartition("/")[2]}" not found')
        if matching.is_fully_bound(claim):
            return True
        is_seen = 0 < version <= int(claim["metadata"]["resourceVersion"])
        if is_seen and matching.annotations(claim).get(matching.SELECTED_NODE) != node_name:
            name = claim["metadata"]["name"]
            raise StatusError(409, "Conflict", f'provisioning failed for PVC "{name}"')
        return False


def _claim_names(pod: Obj) -> Iterable[str]:
    return (name for volume in pod["spec"].get("volumes") or () if (name := claim_name(pod, volume)))


def _key(claim: Obj) -> str:
    return f"{claim['metadata']['namespace']}/{claim['metadata']['name']}"


def _problem(pod: PodInfo, name: str, claim: Obj | None, *, made_for_pod: bool) -> str:
    """What keeps the Pod from going anywhere; "" if nothing."""
    if claim is None:
        if made_for_pod:
            return f'waiting for ephemeral volume controller to create the persistentvolumeclaim "{name}"'
        return f'persistentvolumeclaim "{name}" not found'
    if made_for_pod and not is_made_for(claim, pod.obj):
        return f'PVC "{pod.namespace}/{name}" was not created for pod "{pod.key}" (pod is not owner)'
    if (claim.get("status") or {}).get("phase") == "Lost":
        volume = claim["spec"].get("volumeName", "")
        return f'persistentvolumeclaim "{name}" bound to non-existent persistentvolume "{volume}"'
    if claim["metadata"].get("deletionTimestamp"):
        return f'persistentvolumeclaim "{name}" is being deleted'
    return ""
