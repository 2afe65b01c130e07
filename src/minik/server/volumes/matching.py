"""Which PersistentVolume fits a claim. Shared by the binder and the scheduler. Pure.

Behaviour: https://kubernetes.io/docs/concepts/storage/persistent-volumes/#binding
"""

from collections.abc import Collection, Iterable

from minik.api.node_affinity import node_selector_matches
from minik.api.quantity import parse
from minik.api.selectors import of_object
from minik.api.types import Obj

BIND_COMPLETED = "pv.kubernetes.io/bind-completed"
BOUND_BY_CONTROLLER = "pv.kubernetes.io/bound-by-controller"
PROVISIONED_BY = "pv.kubernetes.io/provisioned-by"
SELECTED_NODE = "volume.kubernetes.io/selected-node"
PROVISIONER, BETA_PROVISIONER = (
    "volume.kubernetes.io/storage-provisioner",
    "volume.beta.kubernetes.io/storage-provisioner",
)
NO_PROVISIONER = "kubernetes.io/no-provisioner"
# provisioners that were part of Kubernetes once -> the CSI drivers that took over (csi-translation-lib)
CSI_DRIVER_OF = {
    "kubernetes.io/aws-ebs": "ebs.csi.aws.com",
    "kubernetes.io/gce-pd": "pd.csi.storage.gke.io",
    "kubernetes.io/cinder": "cinder.csi.openstack.org",
    "kubernetes.io/azure-disk": "disk.csi.azure.com",
    "kubernetes.io/azure-file": "file.csi.azure.com",
    "kubernetes.io/vsphere-volume": "csi.vsphere.vmware.com",
    "kubernetes.io/portworx-volume": "pxd.portworx.com",
}
_DEFAULT = (
    "storageclass.kubernetes.io/is-default-class",
    "storageclass.beta.kubernetes.io/is-default-class",
)
_BETA_CLASS = "volume.beta.kubernetes.io/storage-class"


def annotations(obj: Obj) -> dict[str, str]:
    return obj["metadata"].get("annotations") or {}


def class_of(obj: Obj) -> str:
    """The storage class of a claim or volume; "" for none."""
    return str(annotations(obj).get(_BETA_CLASS) or obj["spec"].get("storageClassName") or "")


def leaves_class_open(claim: Obj) -> bool:
    """Whether the claim takes the default class, now or when there is one; "" is the wish for none."""
    return claim["spec"].get("storageClassName") is None and _BETA_CLASS not in annotations(claim)


def default_class(classes: Iterable[Obj]) -> Obj | None:
    """The newest of the classes marked as default."""
    marked = [one for one in classes if any(annotations(one).get(note) == "true" for note in _DEFAULT)]
    by_name = sorted(marked, key=lambda one: str(one["metadata"]["name"]))
    return max(by_name, key=lambda one: str(one["metadata"].get("creationTimestamp", "")), default=None)


def is_wanted_later(storage_class: Obj | None) -> bool:
    """Whether claims of the class wait for the Pod that uses them."""
    return storage_class is not None and storage_class.get("volumeBindingMode") == "WaitForFirstConsumer"


def is_fully_bound(claim: Obj) -> bool:
    return bool(claim["spec"].get("volumeName")) and BIND_COMPLETED in annotations(claim)


def refers_to(volume: Obj, claim: Obj) -> bool:
    """Whether the volume is reserved for this claim, by the user (no uid) or by the binder."""
    reference = volume["spec"].get("claimRef")
    if not reference:
        return False
    mine = claim["metadata"]
    same = (reference.get("namespace", ""), reference.get("name", "")) == (mine["namespace"], mine["name"])
    return same and reference.get("uid", "") in ("", mine["uid"])


def fits_node(volume: Obj, node: Obj) -> bool:
    required = (volume["spec"].get("nodeAffinity") or {}).get("required")
    return required is None or node_selector_matches(required, node)


def capacity(volume: Obj) -> int:
    return parse((volume["spec"].get("capacity") or {}).get("storage", "0")).nanos


def requested(claim: Obj) -> int:
    requests = (claim["spec"].get("resources") or {}).get("requests") or {}
    return parse(requests.get("storage", "0")).nanos


def mode_of(obj: Obj) -> str:
    return str(obj["spec"].get("volumeMode") or "Filesystem")


def provisioner_of(storage_class: Obj) -> str:
    """Who makes volumes of the class; a provisioner of old stands for its CSI driver."""
    named = str(storage_class["provisioner"])
    return CSI_DRIVER_OF.get(named, named)


def attributes_class_of(obj: Obj) -> str:
    return str(obj["spec"].get("volumeAttributesClassName") or "")


def why_not(volume: Obj, claim: Obj) -> str:
    """Why a volume that the claim names cannot be its; "" when it can."""
    if requested(claim) > capacity(volume):
        return "requested PV is too small"
    if class_of(volume) != class_of(claim):
        return "storageClassName does not match"
    if attributes_class_of(volume) != attributes_class_of(claim):
        return "volumeAttributesClassName does not match"
    if mode_of(volume) != mode_of(claim):
        return "incompatible volumeMode"
    if not _has_modes(volume, claim):
        return "incompatible accessMode"
    return ""


def find_best(
    volumes: Iterable[Obj],
    claim: Obj,
    *,
    node: Obj | None = None,
    reserved_only: bool = False,
    taken: Collection[str] = (),
) -> Obj | None:
    """The volume reserved for the claim, else the smallest that fits, of those with the fewest access modes.

    `node` must be able to use it. `reserved_only`: the scheduler chooses among the others. `taken` are names.
    """
    selector, wanted, best = of_object(claim["spec"].get("selector") or {}), class_of(claim), None
    for volume in volumes:
        spec, metadata = volume["spec"], volume["metadata"]
        reserved = refers_to(volume, claim)
        if metadata["name"] in taken or (spec.get("claimRef") and not reserved):
            continue
        if capacity(volume) < requested(claim) or mode_of(volume) != mode_of(claim):
            continue
        if metadata.get("deletionTimestamp"):
            continue
        fits = node is None or fits_node(volume, node)
        if reserved:
            return volume if fits else None
        if reserved_only or not fits or (volume.get("status") or {}).get("phase") != "Available":
            continue
        if not selector.matches(metadata.get("labels")) or class_of(volume) != wanted or not _has_modes(volume, claim):
            continue
        if attributes_class_of(volume) != attributes_class_of(claim):
            continue
        if best is None or _rank(volume) < _rank(best):
            best = volume
    return best


def _has_modes(volume: Obj, claim: Obj) -> bool:
    return set(claim["spec"].get("accessModes") or ()) <= set(volume["spec"].get("accessModes") or ())


def _rank(volume: Obj) -> tuple[int, int, str]:
    return len(volume["spec"].get("accessModes") or ()), capacity(volume), volume["metadata"]["name"]
