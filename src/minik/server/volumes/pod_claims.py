"""Which PersistentVolumeClaims a Pod uses, named or made for it (generic ephemeral volumes)."""

from collections.abc import Iterator, Sequence

from minik.api.types import Obj


def claim_name(pod: Obj, volume: Obj) -> str:
    """The claim behind one of the Pod's volumes; "" if there is none."""
    if "ephemeral" in volume:
        return f"{pod['metadata']['name']}-{volume['name']}"
    return str((volume.get("persistentVolumeClaim") or {}).get("claimName", ""))


def claims_of(pod: Obj) -> Sequence[str]:
    """namespace/name of every claim."""
    return [f"{pod['metadata']['namespace']}/{name}" for name in _names(pod)]


def is_made_for(claim: Obj, pod: Obj) -> bool:
    """Whether an ephemeral volume's claim belongs to this Pod rather than to someone who took its name."""
    owners = claim["metadata"].get("ownerReferences") or ()
    return any(owner.get("controller") and owner["uid"] == pod["metadata"]["uid"] for owner in owners)


def _names(pod: Obj) -> Iterator[str]:
    for volume in pod["spec"].get("volumes") or ():
        name = claim_name(pod, volume)
        if name:
            yield name
