"""What Pods and their ResourceClaims have to do with each other. Pure.

https://kubernetes.io/docs/concepts/scheduling-eviction/dynamic-resource-allocation/
"""

from collections.abc import Sequence
from dataclasses import dataclass

from minik.api.node_affinity import node_selector_matches
from minik.api.types import Obj
from minik.server.controllers.objects import own_copy

FINALIZER = "resource.kubernetes.io/delete-protection"
MOST_CONSUMERS = 256
MOST_ALTERNATIVES = 8  # of one request


@dataclass(frozen=True, slots=True)
class Wanted:
    """A claim the Pod refers to. `name` "": it is to be made of a template yet."""

    reference: str
    name: str
    from_template: bool


def wanted_claims(pod: Obj) -> list[Wanted]:
    """Claims in the order the Pod names them; those it turned out not to need are left out."""
    generated = {
        entry["name"]: entry.get("resourceClaimName")
        for entry in (pod.get("status") or {}).get("resourceClaimStatuses") or ()
    }
    found: list[Wanted] = []
    for entry in pod["spec"].get("resourceClaims") or ():
        reference = entry["name"]
        if entry.get("resourceClaimName"):
            found.append(Wanted(reference, entry["resourceClaimName"], False))
        elif reference not in generated:
            found.append(Wanted(reference, "", True))
        elif generated[reference]:
            found.append(Wanted(reference, generated[reference], True))
    return found


def missing(wanted: Wanted, claim: Obj | None) -> str:
    """Why a Pod has to wait for a claim to come; "" when it is there."""
    if not wanted.name:
        return f'waiting for dynamic resource controller to create the resourceclaim "{wanted.reference}"'
    return "" if claim is not None else f'resourceclaim "{wanted.name}" not found'


def unusable(pod: Obj, wanted: Wanted, claim: Obj) -> str:
    """Why a claim that is there is none for the Pod; "" when it is one."""
    metadata = claim["metadata"]
    if wanted.from_template and not _is_owner(pod, claim):
        shown = f"{metadata['namespace']}/{metadata['name']}"
        return f"ResourceClaim {shown} was not created for pod {pod['metadata']['name']} (pod is not owner)"
    if metadata.get("deletionTimestamp"):
        return f'resourceclaim "{metadata["name"]}" is being deleted'
    return ""


def problem(pod: Obj, wanted: Wanted, claim: Obj) -> str:
    """Why a claim that is there keeps the Pod from every node; "" when it does not."""
    text = unusable(pod, wanted, claim)
    if text:
        return text
    if not is_reserved(claim, pod) and len(_consumers(claim)) >= MOST_CONSUMERS:
        return "resourceclaim in use"
    return ""


def allocation(claim: Obj) -> Obj | None:
    found: Obj | None = (claim.get("status") or {}).get("allocation")
    return found


def preference(claim: Obj, given: Obj) -> int:
    """How well an allocation meets the claim's prioritized lists."""
    taken = {result["request"] for result in (given.get("devices") or {}).get("results") or ()}
    return sum(
        MOST_ALTERNATIVES - place
        for request in (claim["spec"].get("devices") or {}).get("requests") or ()
        for place, alternative in enumerate(request.get("firstAvailable") or ())
        if f"{request['name']}/{alternative['name']}" in taken
    )


def is_available(given: Obj, node: Obj) -> bool:
    """Whether what was allocated can be used on a node."""
    selector = given.get("nodeSelector")
    return selector is None or node_selector_matches(selector, node)


def is_reserved(claim: Obj, pod: Obj) -> bool:
    return any(consumer["uid"] == pod["metadata"]["uid"] for consumer in _consumers(claim))


def is_idle(claim: Obj, pod: Obj) -> bool:
    """Whether nobody but this Pod holds the claim."""
    return all(consumer["uid"] == pod["metadata"]["uid"] for consumer in _consumers(claim))


def with_finalizer(claim: Obj) -> Obj | None:
    """The claim, kept while it is allocated; None when it is so already."""
    if FINALIZER in (claim["metadata"].get("finalizers") or ()):
        return None
    changed = own_copy(claim)
    changed["metadata"]["finalizers"] = [*(claim["metadata"].get("finalizers") or ()), FINALIZER]
    return changed


def without_finalizer(claim: Obj) -> Obj:
    changed = own_copy(claim)
    changed["metadata"]["finalizers"] = [
        each for each in claim["metadata"].get("finalizers") or () if each != FINALIZER
    ]
    return changed


def reserved(claim: Obj, pod: Obj, given: Obj | None, now: str) -> Obj | None:
    """The claim, allocated as `given` (unless it is already) and reserved for the Pod; None when it is so already."""
    if is_reserved(claim, pod):
        return None
    changed = own_copy(claim)
    status = changed.setdefault("status", {})
    if given is not None and status.get("allocation") is None:
        status["allocation"] = {**given, "allocationTimestamp": now}
    metadata = pod["metadata"]
    consumer = {"resource": "pods", "name": metadata["name"], "uid": metadata["uid"]}
    status["reservedFor"] = [*_consumers(claim), consumer]
    return changed


def released(claim: Obj, pod: Obj) -> Obj | None:
    """The claim without the Pod's reservation; None when there is none."""
    if not is_reserved(claim, pod):
        return None
    changed = own_copy(claim)
    left = [consumer for consumer in _consumers(claim) if consumer["uid"] != pod["metadata"]["uid"]]
    if left:
        changed["status"]["reservedFor"] = left
    else:
        del changed["status"]["reservedFor"]
    return changed


def deallocated(claim: Obj) -> Obj:
    """The claim, free to be allocated elsewhere."""
    changed = own_copy(claim)
    for key in ("allocation", "reservedFor", "devices"):
        changed["status"].pop(key, None)
    return changed


def binding_state(claim: Obj) -> tuple[bool, str]:
    """Whether all devices that have conditions for binding meet them, and what went wrong with one."""
    given = allocation(claim) or {}
    reported = {
        (entry["driver"], entry["pool"], entry["device"]): {
            condition["type"]: condition for condition in entry.get("conditions") or ()
        }
        for entry in (claim.get("status") or {}).get("devices") or ()
    }
    ready = True
    for result in (given.get("devices") or {}).get("results") or ():
        conditions = reported.get((result["driver"], result["pool"], result["device"])) or {}
        for kind in result.get("bindingFailureConditions") or ():
            if (conditions.get(kind) or {}).get("status") == "True":
                return False, f"claim {claim['metadata']['name']} binding failed: {kind}"
        wanted: Sequence[str] = result.get("bindingConditions") or ()
        ready = ready and all((conditions.get(kind) or {}).get("status") == "True" for kind in wanted)
    return ready, ""


def _consumers(claim: Obj) -> Sequence[Obj]:
    return (claim.get("status") or {}).get("reservedFor") or ()


def _is_owner(pod: Obj, claim: Obj) -> bool:
    owners = claim["metadata"].get("ownerReferences") or ()
    return any(owner.get("controller") and owner["uid"] == pod["metadata"]["uid"] for owner in owners)
