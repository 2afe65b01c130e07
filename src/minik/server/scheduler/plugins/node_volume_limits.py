"""preFilter, filter: a CSI driver attaches only so many volumes to a node (CSINode's allocatable count).

Counted are the volumes of the node's Pods and what VolumeAttachments say is attached. Volumes of in-tree kinds count
as those of the driver that took over, on nodes that have it. https://kubernetes.io/docs/concepts/storage/storage-limits/
"""

from collections.abc import Iterable, Mapping

from minik.api.types import Obj
from minik.client.informer import Informer, Informers, object_key
from minik.client.resources import (
    CSI_NODES,
    PERSISTENT_VOLUME_CLAIMS,
    PERSISTENT_VOLUMES,
    STORAGE_CLASSES,
    VOLUME_ATTACHMENTS,
)
from minik.server.scheduler.events import Happening
from minik.server.scheduler.framework import CycleState, Event, Refusal, Snapshot
from minik.server.scheduler.node_info import NodeInfo, PodInfo
from minik.server.volumes import matching
from minik.server.volumes.csi_translation import as_csi, driver_of, in_tree_plugin, is_in_tree, is_migrated
from minik.server.volumes.pod_claims import claim_name, claims_of

_REFUSAL = Refusal(("node(s) exceed max volume count",))
_BY_NODE = "node"

Volume = tuple[str, str]  # driver and handle


def _node_of(attachment: Obj) -> Iterable[str]:
    yield attachment["spec"].get("nodeName") or ""


class NodeVolumeLimits:
    name = "NodeVolumeLimits"
    events = frozenset({Event.CSI_NODE, Event.ATTACHMENT_GONE, Event.VOLUME_CLAIM, Event.NODE_ADDED, Event.POD_GONE})

    def __init__(self, informers: Informers) -> None:
        self._claims: Informer = informers.of(PERSISTENT_VOLUME_CLAIMS)
        self._volumes: Informer = informers.of(PERSISTENT_VOLUMES)
        self._classes: Informer = informers.of(STORAGE_CLASSES)
        self._csi_nodes: Informer = informers.of(CSI_NODES)
        self._attachments: Informer = informers.of(VOLUME_ATTACHMENTS, indexes={_BY_NODE: _node_of})

    @property
    def informers(self) -> Iterable[Informer]:
        return (self._csi_nodes, self._attachments, self._claims)

    def hint(self, pod: PodInfo, what: Happening) -> bool:
        """A limit must have risen, a Pod that goes must have had volumes, a claim must be the Pod's."""
        if what.event is Event.CSI_NODE:
            before, now = limits_of(what.old), limits_of(what.new)
            return what.old is None or any(now.get(driver, count + 1) > count for driver, count in before.items())
        if what.event is Event.POD_GONE:
            return bool(claims_of(what.obj))
        if what.event is Event.VOLUME_CLAIM:
            return object_key(what.obj) in claims_of(pod.obj)
        return True

    def pre_filter(self, state: CycleState, pod: PodInfo, snapshot: Snapshot) -> Refusal | None:
        """Leaves the volumes the Pod brings along, if any is a CSI driver's."""
        if pod.spec.get("volumes"):
            wanted = self._volumes_of(pod, None)
            if wanted:
                state[self.name] = wanted
        return None

    def filter(self, state: CycleState, pod: PodInfo, node: NodeInfo) -> Refusal | None:
        if self.name not in state:
            return None
        csi_node = self._csi_nodes.get(node.name)
        limits = limits_of(csi_node)
        if csi_node is None or not any(driver in limits for driver, _ in state[self.name]):
            return None
        wanted = self._volumes_of(pod, csi_node)
        present = {volume for other in node.pods.values() for volume in self._volumes_of(other, csi_node)}
        present |= self._attached(node.name)
        return _REFUSAL if exceeds(limits, present, wanted) else None

    def _attached(self, node_name: str) -> set[Volume]:
        found: set[Volume] = set()
        for attachment in self._attachments.by_index(_BY_NODE, node_name):
            source = attachment["spec"].get("source") or {}
            volume = self._volumes.get(source.get("persistentVolumeName") or "")
            csi = source.get("inlineVolumeSpec") or (as_csi(volume)["spec"] if volume else {})
            if csi.get("csi"):
                found.add((csi["csi"]["driver"], csi["csi"]["volumeHandle"]))
        return found

    def _volumes_of(self, pod: PodInfo, csi_node: Obj | None) -> set[Volume]:
        """Those that count on a node; None: on any."""
        found: set[Volume] = set()
        for volume in pod.spec.get("volumes") or ():
            plugin = in_tree_plugin(volume)
            if plugin and (csi_node is None or is_migrated(csi_node, plugin)):
                csi = as_csi({"metadata": {"name": f"{pod.key}/{volume['name']}"}, "spec": volume})["spec"]["csi"]
                found.add((csi["driver"], csi["volumeHandle"]))
                continue
            name = claim_name(pod.obj, volume)
            claimed = self._claimed(f"{pod.namespace}/{name}", csi_node) if name else None
            if claimed is not None:
                found.add(claimed)
        return found

    def _claimed(self, key: str, csi_node: Obj | None) -> Volume | None:
        """A volume that is to be made yet counts under its claim's name."""
        claim = self._claims.get_key(key)
        if claim is None:
            return None
        volume = self._volumes.get(claim["spec"].get("volumeName") or "")
        if volume is None:
            storage_class = self._classes.get(matching.class_of(claim))
            if storage_class is None:
                return None
            provisioner = storage_class["provisioner"]
            if is_in_tree(provisioner) and csi_node is not None and not is_migrated(csi_node, provisioner):
                return None
            return driver_of(provisioner), key
        plugin = in_tree_plugin(volume["spec"])
        if plugin and csi_node is not None and not is_migrated(csi_node, plugin):
            return None
        csi = as_csi(volume)["spec"].get("csi")
        return (csi["driver"], csi["volumeHandle"]) if csi else None


def limits_of(csi_node: Obj | None) -> Mapping[str, int]:
    """By driver; without an entry there is no limit."""
    drivers = (csi_node["spec"].get("drivers") or ()) if csi_node else ()
    counts = {driver["name"]: (driver.get("allocatable") or {}).get("count") for driver in drivers}
    return {name: count for name, count in counts.items() if count is not None}


def exceeds(limits: Mapping[str, int], present: Iterable[Volume], wanted: Iterable[Volume]) -> bool:
    """Whether new volumes are too many for their driver. What is there already needs no further place."""
    there = set(present)
    new = set(wanted) - there
    for driver in {name for name, _ in new}:
        count = sum(name == driver for name, _ in there) + sum(name == driver for name, _ in new)
        if driver in limits and count > limits[driver]:
            return True
    return False
