"""preFilter, filter: what only one Pod, or one node's Pods, may use is used by nobody else.

A claim with access mode ReadWriteOncePod is one Pod's; disks named in Pods' specs are attached to a node once, unless
all who use them only read. https://kubernetes.io/docs/concepts/storage/persistent-volumes/#access-modes
"""

from collections.abc import Sequence, Set
from dataclasses import dataclass

from minik.api.types import Obj
from minik.client.informer import Informer, Informers, object_key
from minik.client.resources import PERSISTENT_VOLUME_CLAIMS
from minik.server.scheduler.events import Happening
from minik.server.scheduler.framework import CycleState, Event, Refusal, Snapshot
from minik.server.scheduler.node_info import NodeInfo, PodInfo
from minik.server.volumes.pod_claims import claims_of

_IN_USE = Refusal(("node has pod using PersistentVolumeClaim with the same name and ReadWriteOncePod access mode",))
_NO_DISK = Refusal(("node(s) had no available disk",))
_DISKS = ("gcePersistentDisk", "awsElasticBlockStore", "iscsi", "rbd")


@dataclass(frozen=True, slots=True)
class _Restricted:
    """`claims` are one Pod's alone and used on `nodes` already; `disks` are the volumes that name a disk."""

    claims: Set[str]
    nodes: Set[str]
    disks: Sequence[Obj]


class VolumeRestrictions:
    name = "VolumeRestrictions"
    events = frozenset({Event.POD_GONE, Event.VOLUME_CLAIM, Event.NODE_ADDED})

    def __init__(self, informers: Informers) -> None:
        self._claims: Informer = informers.of(PERSISTENT_VOLUME_CLAIMS)

    def pre_filter(self, state: CycleState, pod: PodInfo, snapshot: Snapshot) -> Refusal | None:
        """Leaves what somebody else may be using."""
        volumes: Sequence[Obj] = pod.spec.get("volumes") or ()
        if not volumes:
            return None
        single = {key for key in claims_of(pod.obj) if self._is_single(key)}
        nodes = {node.name for node in snapshot.nodes.values() if _is_used_on(node, pod, single)} if single else set()
        disks = [volume for volume in volumes if any(kind in volume for kind in _DISKS)]
        if nodes or disks:
            state[self.name] = _Restricted(single, nodes, disks)
        return None

    def filter(self, state: CycleState, pod: PodInfo, node: NodeInfo) -> Refusal | None:
        """Used on another node counts too; this one is looked at anew, since preemption may have emptied it."""
        restricted: _Restricted | None = state.get(self.name)
        if restricted is None:
            return None
        if restricted.nodes - {node.name} or (restricted.nodes and _is_used_on(node, pod, restricted.claims)):
            return _IN_USE
        others = (volume for other in node.pods.values() for volume in other.spec.get("volumes") or ())
        if restricted.disks and any(conflict(mine, other) for other in others for mine in restricted.disks):
            return _NO_DISK
        return None

    @property
    def informers(self) -> Sequence[Informer]:
        return (self._claims,)

    def hint(self, pod: PodInfo, what: Happening) -> bool:
        """A claim must be the Pod's; a Pod that goes must have used the same claim or disk."""
        if what.event is Event.VOLUME_CLAIM:
            return object_key(what.obj) in claims_of(pod.obj)
        if what.event is not Event.POD_GONE:
            return True
        if not set(claims_of(pod.obj)).isdisjoint(claims_of(what.obj)):
            return True
        theirs = what.obj["spec"].get("volumes") or ()
        return any(conflict(mine, other) for mine in pod.spec.get("volumes") or () for other in theirs)

    def _is_single(self, key: str) -> bool:
        claim = self._claims.get_key(key)
        return claim is not None and "ReadWriteOncePod" in (claim["spec"].get("accessModes") or ())


def _is_used_on(node: NodeInfo, pod: PodInfo, single: Set[str]) -> bool:
    return any(_uses(other, single) for other in node.pods.values() if other.uid != pod.uid)


def _uses(pod: PodInfo, single: Set[str]) -> bool:
    return any(key in single for key in claims_of(pod.obj))


def conflict(volume: Obj, other: Obj) -> bool:
    """Whether two volumes name a disk that cannot be attached for both."""
    for kind in _DISKS:
        mine, theirs = volume.get(kind), other.get(kind)
        if mine and theirs and _is_same(kind, mine, theirs):
            return kind == "awsElasticBlockStore" or not (mine.get("readOnly") and theirs.get("readOnly"))
    return False


def _is_same(kind: str, mine: Obj, theirs: Obj) -> bool:
    if kind == "rbd":
        same = all((mine.get(key) or default) == (theirs.get(key) or default) for key, default in _RBD.items())
        return same and not set(mine.get("monitors") or ()).isdisjoint(theirs.get("monitors") or ())
    key = {"gcePersistentDisk": "pdName", "awsElasticBlockStore": "volumeID", "iscsi": "iqn"}[kind]
    return bool(mine.get(key) == theirs.get(key))


_RBD = {"pool": "rbd", "image": ""}
