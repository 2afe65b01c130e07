"""Whether a CSI driver has room for a new volume where a node can reach it. Pure.

https://kubernetes.io/docs/concepts/storage/storage-capacity/
"""

from collections.abc import Iterable

from minik.api.quantity import parse
from minik.api.selectors import of_object
from minik.api.types import Obj
from minik.server.volumes.matching import requested


def has_room(claim: Obj, storage_class: Obj, driver: Obj | None, capacities: Iterable[Obj], node: Obj) -> bool:
    """A driver that does not report capacity always has. `driver` is the CSIDriver of the class's provisioner."""
    if driver is None or not driver["spec"].get("storageCapacity"):
        return True
    wanted, name = requested(claim), storage_class["metadata"]["name"]
    labels = node["metadata"].get("labels") or {}
    return any(
        one.get("storageClassName") == name and _enough(one, wanted) and _reaches(one, labels) for one in capacities
    )


def _enough(capacity: Obj, wanted: int) -> bool:
    limit = capacity.get("maximumVolumeSize") or capacity.get("capacity")
    return limit is not None and parse(limit).nanos >= wanted


def _reaches(capacity: Obj, labels: dict[str, str]) -> bool:
    """Without a topology the storage can be reached from nowhere."""
    topology = capacity.get("nodeTopology")
    return topology is not None and of_object(topology).matches(labels)
