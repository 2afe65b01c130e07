"""preFilter, filter: a claim that may be used by one Pod only (ReadWriteOncePod) is used by one Pod only.

https://kubernetes.io/docs/concepts/storage/persistent-volumes/#access-modes
"""

from collections.abc import Set
from dataclasses import dataclass

from minik.client.informer import Informer, Informers
from minik.client.resources import PERSISTENT_VOLUME_CLAIMS
from minik.server.scheduler.framework import CycleState, Event, Refusal, Snapshot
from minik.server.scheduler.node_info import NodeInfo, PodInfo
from minik.server.volumes.pod_claims import claims_of

_REFUSAL = Refusal(("node has pod using PersistentVolumeClaim with the same name and ReadWriteOncePod access mode",))


@dataclass(frozen=True, slots=True)
class _Used:
    claims: Set[str]
    nodes: Set[str]


class VolumeRestrictions:
    name = "VolumeRestrictions"
    events = frozenset({Event.POD_GONE, Event.STORAGE, Event.NODE_ADDED})

    def __init__(self, informers: Informers) -> None:
        self._claims: Informer = informers.of(PERSISTENT_VOLUME_CLAIMS)

    def pre_filter(self, state: CycleState, pod: PodInfo, snapshot: Snapshot) -> Refusal | None:
        """Leaves the claims that somebody uses already, and the nodes where."""
        if not pod.spec.get("volumes"):
            return None
        single = {key for key in claims_of(pod.obj) if self._is_single(key)}
        if single:
            nodes = {node.name for node in snapshot.nodes.values() if _is_used_on(node, pod, single)}
            if nodes:
                state[self.name] = _Used(single, nodes)
        return None

    def filter(self, state: CycleState, pod: PodInfo, node: NodeInfo) -> Refusal | None:
        """Used on another node counts too; this one is looked at anew, since preemption may have emptied it."""
        used: _Used | None = state.get(self.name)
        if used is None:
            return None
        if used.nodes - {node.name} or _is_used_on(node, pod, used.claims):
            return _REFUSAL
        return None

    def _is_single(self, key: str) -> bool:
        claim = self._claims.get_key(key)
        return claim is not None and "ReadWriteOncePod" in (claim["spec"].get("accessModes") or ())


def _is_used_on(node: NodeInfo, pod: PodInfo, single: Set[str]) -> bool:
    return any(_uses(other, single) for other in node.pods.values() if other.uid != pod.uid)


def _uses(pod: PodInfo, single: Set[str]) -> bool:
    return any(key in single for key in claims_of(pod.obj))
