"""preFilter, filter: a Pod goes only to the zones and regions its bound volumes are labelled with.

Volumes with node affinity are VolumeBinding's; labels are the older way.
https://kubernetes.io/docs/reference/labels-annotations-taints/#topologykubernetesiozone
"""

from collections.abc import Sequence, Set

from minik.api.types import Obj
from minik.client.informer import Informer, Informers, object_key
from minik.client.resources import PERSISTENT_VOLUME_CLAIMS, PERSISTENT_VOLUMES, STORAGE_CLASSES
from minik.server.scheduler.events import Happening
from minik.server.scheduler.framework import Code, CycleState, Event, Refusal, Snapshot
from minik.server.scheduler.node_info import NodeInfo, PodInfo
from minik.server.volumes import matching
from minik.server.volumes.pod_claims import claims_of

# label -> its older name
_LABELS = {
    "topology.kubernetes.io/zone": "failure-domain.beta.kubernetes.io/zone",
    "topology.kubernetes.io/region": "failure-domain.beta.kubernetes.io/region",
}
_SEPARATOR = "__"  # between the zones of one volume
_REFUSAL = Refusal(("node(s) had no available volume zone",), Code.UNRESOLVABLE)

Topology = tuple[str, Set[str]]  # a label's newer name and its allowed values


class VolumeZone:
    name = "VolumeZone"
    events = frozenset({Event.VOLUME, Event.VOLUME_CLAIM, Event.STORAGE_CLASS, Event.NODE_ADDED, Event.NODE_LABELS})

    def __init__(self, informers: Informers) -> None:
        self._claims: Informer = informers.of(PERSISTENT_VOLUME_CLAIMS)
        self._volumes: Informer = informers.of(PERSISTENT_VOLUMES)
        self._classes: Informer = informers.of(STORAGE_CLASSES)

    @property
    def informers(self) -> Sequence[Informer]:
        return (self._claims, self._volumes, self._classes)

    def hint(self, pod: PodInfo, what: Happening) -> bool:
        """A claim must be the Pod's; the zone of a node or a volume must be another one than before."""
        if what.event is Event.VOLUME_CLAIM:
            return object_key(what.obj) in claims_of(pod.obj)
        if what.event in (Event.VOLUME, Event.NODE_LABELS) and what.old is not None and what.new is not None:
            return topologies_of(what.old) != topologies_of(what.new)
        return True

    def pre_filter(self, state: CycleState, pod: PodInfo, snapshot: Snapshot) -> Refusal | None:
        """Leaves what the volumes' labels ask for, if anything."""
        if not pod.spec.get("volumes"):
            return None
        topologies: list[Topology] = []
        for key in claims_of(pod.obj):
            claim = self._claims.get_key(key)
            if claim is None:
                continue  # VolumeBinding says so
            volume = self._volumes.get(claim["spec"].get("volumeName") or "")
            if volume is not None:
                topologies += topologies_of(volume)
            elif not claim["spec"].get("volumeName") and not self._is_wanted_later(claim):
                return Refusal(("PersistentVolumeClaim had no pv name and storageClass name",), Code.UNRESOLVABLE)
        if topologies:
            state[self.name] = topologies
        return None

    def filter(self, state: CycleState, pod: PodInfo, node: NodeInfo) -> Refusal | None:
        return None if is_in(state.get(self.name) or (), node) else _REFUSAL

    def _is_wanted_later(self, claim: Obj) -> bool:
        name = matching.class_of(claim)
        return not name or matching.is_wanted_later(self._classes.get(name))


def topologies_of(volume: Obj) -> list[Topology]:
    labels = volume["metadata"].get("labels") or {}
    found: list[Topology] = []
    for label, older in _LABELS.items():
        value = labels.get(label) or labels.get(older)
        if value:
            found.append((label, frozenset(part.strip() for part in value.split(_SEPARATOR))))
    return found


def is_in(topologies: Sequence[Topology], node: NodeInfo) -> bool:
    """A node without any zone label is in every zone: the cluster has none."""
    labels = node.labels
    if not any(label in labels or older in labels for label, older in _LABELS.items()):
        return True
    return all((labels.get(label) or labels.get(_LABELS[label])) in values for label, values in topologies)
