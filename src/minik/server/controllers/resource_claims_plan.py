"""Which ResourceClaims a Pod needs made, and what becomes of claims nobody uses any more. Pure.

Rules and texts: kubernetes/pkg/controller/resourceclaim and dynamic-resource-allocation/resourceclaim.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from minik.api.types import Obj
from minik.server.controllers.objects import annotations_of, is_deleting, own_copy, owner_reference
from minik.server.controllers.pods import is_finished, node_name

FINALIZER = "resource.kubernetes.io/delete-protection"
POD_CLAIM = "resource.kubernetes.io/pod-claim-name"
MOST_CONSUMERS = 256
_LONGEST_BASE = 57  # room for the hyphen and 5 random characters in a name of 63


@dataclass(frozen=True, slots=True)
class Reference:
    """One entry of a Pod's spec.resourceClaims. `name` None: not made yet; "": it turned out not to be needed."""

    entry: str
    name: str | None
    template: str


def references(pod: Obj) -> Iterator[Reference]:
    made = {each["name"]: each.get("resourceClaimName", "") for each in _status(pod).get("resourceClaimStatuses") or ()}
    for entry in pod["spec"].get("resourceClaims") or ():
        template = entry.get("resourceClaimTemplateName") or ""
        yield Reference(
            entry["name"], made.get(entry["name"]) if template else entry.get("resourceClaimName"), template
        )


def claim_keys(pod: Obj) -> Iterator[str]:
    """namespace/name of the claims that the Pod uses, those for extended resources among them."""
    names = [reference.name for reference in references(pod)]
    names.append((_status(pod).get("extendedResourceClaimStatus") or {}).get("resourceClaimName"))
    for name in names:
        if name:
            yield f"{pod['metadata']['namespace']}/{name}"


def uses_claims(pod: Obj) -> bool:
    return bool(pod["spec"].get("resourceClaims")) or "extendedResourceClaimStatus" in _status(pod)


def is_done(pod: Obj) -> bool:
    """Whether nothing of the Pod runs or ever will."""
    return is_finished(pod) or (is_deleting(pod) and not node_name(pod))


def owner_of(claim: Obj) -> tuple[str, str]:
    """(name, uid) of the Pod that the claim was made for; ("", "") if for none."""
    for owner in claim["metadata"].get("ownerReferences") or ():
        if owner.get("controller") and (owner["apiVersion"], owner["kind"]) == ("v1", "Pod"):
            return owner["name"], owner["uid"]
    return "", ""


def is_for(pod: Obj, claim: Obj) -> bool:
    return owner_of(claim)[1] == str(pod["metadata"]["uid"])


def made_for(pod: Obj, entry: str, claims: Iterable[Obj]) -> Obj | None:
    """A claim made for this entry before, of which the Pod's status does not know."""
    return next((c for c in claims if is_for(pod, c) and annotations_of(c).get(POD_CLAIM) == entry), None)


def new_claim(pod: Obj, entry: str, template: Obj) -> Obj:
    content = own_copy(template["spec"])
    metadata = content.get("metadata") or {}
    made: Obj = {
        "generateName": base_name(pod["metadata"]["name"], entry),
        "namespace": pod["metadata"]["namespace"],
        "ownerReferences": [owner_reference(pod, "v1", "Pod")],
        "annotations": {**(metadata.get("annotations") or {}), POD_CLAIM: entry},
    }
    if metadata.get("labels"):
        made["labels"] = metadata["labels"]
    return {
        "apiVersion": "resource.k8s.io/v1",
        "kind": "ResourceClaim",
        "metadata": made,
        "spec": content["spec"],
    }


def base_name(pod: str, entry: str) -> str:
    """What generated names start with; when that is too long both parts are cut alike."""
    full = f"{pod}-{entry}-"
    if len(full) <= _LONGEST_BASE:
        return full
    return f"{pod[: len(pod) * _LONGEST_BASE // len(full)]}-{entry[: len(entry) * _LONGEST_BASE // len(full)]}"


def consumers(claim: Obj) -> Sequence[Obj]:
    return _status(claim).get("reservedFor") or ()


def wants_reservation(pod: Obj, claim: Obj) -> bool:
    """A Pod that somebody bound past the scheduler must hold its claims, too."""
    if "allocation" not in _status(claim) or len(consumers(claim)) >= MOST_CONSUMERS:
        return False
    return all(consumer["uid"] != pod["metadata"]["uid"] for consumer in consumers(claim))


def reserved(claim: Obj, pod: Obj) -> Obj:
    changed = own_copy(claim)
    consumer = {"resource": "pods", "name": pod["metadata"]["name"], "uid": pod["metadata"]["uid"]}
    changed["status"]["reservedFor"] = [*consumers(claim), consumer]
    return changed


@dataclass(frozen=True, slots=True)
class Cleanup:
    """`status`: the claim with its new status, if that changes. `free`: its finalizer is to go."""

    status: Obj | None = None
    free: bool = False


def clean_up(claim: Obj, valid: Sequence[Obj]) -> Cleanup:
    """`valid` are the consumers that are still there. The last one takes the allocation along."""
    guarded = FINALIZER in (claim["metadata"].get("finalizers") or ())
    if len(valid) < len(consumers(claim)):
        changed = own_copy(claim)
        if valid:
            changed["status"]["reservedFor"] = [*valid]
        else:
            del changed["status"]["reservedFor"]
        if not valid and guarded:
            _deallocate(changed)
        return Cleanup(changed, guarded and "allocation" not in changed["status"])
    if guarded and is_deleting(claim) and not valid:
        if "allocation" not in _status(claim):
            return Cleanup(None, True)
        changed = own_copy(claim)
        _deallocate(changed)
        return Cleanup(changed, True)
    return Cleanup()


def _deallocate(claim: Obj) -> None:
    claim["status"].pop("allocation", None)
    claim["status"].pop("devices", None)


def _status(obj: Obj) -> Obj:
    found: Obj = obj.get("status") or {}
    return found
