"""What binding changes in a PersistentVolume and its claim. Pure; every function returns a copy, or None for no change.

Upstream: pkg/controller/volume/persistentvolume
"""

from minik.api.types import Obj
from minik.server.controllers.objects import own_copy
from minik.server.volumes.matching import (
    BETA_PROVISIONER,
    BIND_COMPLETED,
    BOUND_BY_CONTROLLER,
    PROVISIONER,
    annotations,
    refers_to,
)


def claim_reference(claim: Obj) -> Obj:
    metadata = claim["metadata"]
    return {
        "kind": "PersistentVolumeClaim",
        "namespace": metadata["namespace"],
        "name": metadata["name"],
        "uid": metadata["uid"],
        "apiVersion": "v1",
        "resourceVersion": metadata["resourceVersion"],
    }


def with_claim(volume: Obj, claim: Obj) -> Obj | None:
    """The volume, belonging to the claim. One that was free is marked as bound by the controller."""
    reserved = refers_to(volume, claim)
    if reserved and volume["spec"]["claimRef"].get("uid"):
        return None
    changed = own_copy(volume)
    changed["spec"]["claimRef"] = claim_reference(claim)
    if not reserved:
        changed["metadata"].setdefault("annotations", {})[BOUND_BY_CONTROLLER] = "yes"
    return changed


def without_claim(volume: Obj) -> Obj:
    """The volume, free again; what the user reserved stays reserved."""
    changed = own_copy(volume)
    if annotations(volume).get(BOUND_BY_CONTROLLER):
        del changed["spec"]["claimRef"]
        del changed["metadata"]["annotations"][BOUND_BY_CONTROLLER]
    else:
        changed["spec"]["claimRef"].pop("uid", None)
        changed["spec"]["claimRef"].pop("resourceVersion", None)
    return changed


def with_volume(claim: Obj, volume: Obj) -> Obj | None:
    """The claim, bound to the volume."""
    named = claim["spec"].get("volumeName", "") == volume["metadata"]["name"]
    if named and BIND_COMPLETED in annotations(claim):
        return None
    changed = own_copy(claim)
    notes = changed["metadata"].setdefault("annotations", {})
    notes[BIND_COMPLETED] = "yes"
    if not named:
        changed["spec"]["volumeName"] = volume["metadata"]["name"]
        notes[BOUND_BY_CONTROLLER] = "yes"
    return changed


def with_provisioner(claim: Obj, provisioner: str) -> Obj | None:
    """The claim, handed to the provisioner of its class."""
    notes = annotations(claim)
    if notes.get(PROVISIONER) == provisioner and notes.get(BETA_PROVISIONER) == provisioner:
        return None
    changed = own_copy(claim)
    notes = changed["metadata"].setdefault("annotations", {})
    notes[PROVISIONER] = notes[BETA_PROVISIONER] = provisioner
    return changed


def claim_status(claim: Obj, phase: str, volume: Obj | None) -> Obj | None:
    """The claim's new status, or None if it is so already. Growing is the kubelet's to report, so capacity stays."""
    old = claim.get("status") or {}
    status = {**old, "phase": phase}
    if volume is None:
        status.pop("accessModes", None)
        status.pop("capacity", None)
    else:
        status["accessModes"] = volume["spec"].get("accessModes") or []
        if old.get("phase") != "Bound" or not old.get("capacity"):
            status["capacity"] = {"storage": volume["spec"]["capacity"]["storage"]}
            if volume["spec"].get("volumeAttributesClassName"):
                status["currentVolumeAttributesClassName"] = volume["spec"]["volumeAttributesClassName"]
    return None if status == old else status
