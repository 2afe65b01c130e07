"""preFilter, filter, preBind: a Pod goes only where its claims' volumes are or can be.

Claims of a class that waits for its first consumer are decided here: a fitting volume is reserved, or the claim gets
the node its provisioner must use; the Pod is bound when its claims are.
https://kubernetes.io/docs/concepts/storage/storage-classes/#volume-binding-mode
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from minik.api.node_affinity import node_selector_matches
from minik.api.status import StatusError
from minik.api.types import Obj
from minik.client.client import Client
from minik.client.informer import Change, Informer, Informers
from minik.client.resources import PERSISTENT_VOLUME_CLAIMS, PERSISTENT_VOLUMES, STORAGE_CLASSES
from minik.server.controllers.objects import own_copy
from minik.server.scheduler.framework import Code, CycleState, Event, Refusal, Snapshot
from minik.server.scheduler.node_info import NodeInfo, PodInfo
from minik.server.volumes import binding, matching
from minik.server.volumes.pod_claims import claim_name, is_made_for

BIND_TIMEOUT = 600.0  # seconds; upstream's bindTimeoutSeconds

_CONFLICT = "node(s) didn't match PersistentVolume's node affinity"
_NO_VOLUME = "node(s) didn't find available persistent volumes to bind"
_MISSING = "node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)"
_IMMEDIATE = "pod has unbound immediate PersistentVolumeClaims"


@dataclass(slots=True)
class _Claims:
    """What preFilter found; `choices` is filled by filter: node -> claim key -> volume, None: to be provisioned."""

    volumes: Sequence[str]  # of bound claims
    unbound: Sequence[Obj]
    choices: dict[str, Mapping[str, Obj | None]] = field(default_factory=dict)


class VolumeBinding:
    name = "VolumeBinding"
    events = frozenset({Event.STORAGE, Event.NODE_ADDED, Event.NODE_LABELS, Event.POD_CHANGED})

    def __init__(self, client: Client, informers: Informers) -> None:
        self._client = client
        self._claims: Informer = informers.of(PERSISTENT_VOLUME_CLAIMS)
        self._volumes: Informer = informers.of(PERSISTENT_VOLUMES)
        self._classes: Informer = informers.of(STORAGE_CLASSES)

    @property
    def informers(self) -> Sequence[Informer]:
        """What the scheduler must wait for, and look again after."""
        return (self._claims, self._volumes, self._classes)

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
            taken = {volume["metadata"]["name"] for volume in choices.values() if volume is not None}
            key = claim["metadata"]["name"]
            chosen = matching.annotations(claim).get(matching.SELECTED_NODE)
            if chosen not in (None, node.name):
                return Refusal((_CONFLICT,), Code.UNRESOLVABLE)  # being provisioned elsewhere
            volume = matching.find_best(self._volumes.list(), claim, node=node.node, taken=taken)
            if volume is None and not self._can_provision(claim, node.node):
                return Refusal((_NO_VOLUME,), Code.UNRESOLVABLE)
            choices[key] = volume
        claims.choices[node.name] = choices
        return None

    def _can_provision(self, claim: Obj, node: Obj) -> bool:
        storage_class = self._classes.get(matching.class_of(claim))
        if storage_class is None or storage_class["provisioner"] == matching.NO_PROVISIONER:
            return False
        topologies = storage_class.get("allowedTopologies") or ()
        terms = [
            {"matchExpressions": [{**one, "operator": "In"} for one in topology.get("matchLabelExpressions") or ()]}
            for topology in topologies
        ]
        return not terms or node_selector_matches({"nodeSelectorTerms": terms}, node)

    async def pre_bind(self, state: CycleState, pod: PodInfo, node_name: str) -> None:
        """Reserve volumes, or ask for them, and wait. Raises StatusError and TimeoutError."""
        claims: _Claims | None = state.get(self.name)
        if claims is None or not claims.unbound:
            return
        by_name = {claim["metadata"]["name"]: claim for claim in claims.unbound}
        for name, volume in claims.choices[node_name].items():
            await self._request(by_name[name], volume, node_name)
        await self._wait_bound([f"{pod.namespace}/{name}" for name in by_name], pod, node_name)

    async def _request(self, claim: Obj, volume: Obj | None, node_name: str) -> None:
        if volume is not None:
            changed = binding.with_claim(volume, claim)
            if changed is not None:
                await self._client.update(PERSISTENT_VOLUMES, changed)
        elif matching.SELECTED_NODE not in matching.annotations(claim):
            changed = own_copy(claim)
            changed["metadata"].setdefault("annotations", {})[matching.SELECTED_NODE] = node_name
            await self._client.update(PERSISTENT_VOLUME_CLAIMS, changed, claim["metadata"]["namespace"])

    async def _wait_bound(self, keys: Sequence[str], pod: PodInfo, node_name: str) -> None:
        changed = asyncio.Event()

        def look(_: Sequence[Change]) -> None:
            changed.set()

        self._claims.add_handler(look)
        try:
            async with asyncio.timeout(BIND_TIMEOUT):
                while not self._are_bound(keys):
                    await changed.wait()
                    changed.clear()
        finally:
            self._claims.remove_handler(look)

    def _are_bound(self, keys: Sequence[str]) -> bool:
        """Raises StatusError when a claim went meanwhile."""
        bound = True
        for key in keys:
            claim = self._claims.get_key(key)
            if claim is None:
                raise StatusError(409, "Conflict", f'persistentvolumeclaim "{key.rpartition("/")[2]}" not found')
            bound = bound and matching.is_fully_bound(claim)
        return bound


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
