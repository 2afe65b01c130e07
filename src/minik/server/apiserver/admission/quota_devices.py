"""What a ResourceClaim counts against a ResourceQuota: its devices, by class and as extended resources.

A quota may limit devices as `gold.deviceclass.resource.k8s.io/devices`, or as what Pods ask for without a claim:
`requests.deviceclass.resource.kubernetes.io/gold` and `requests.` with the class's own extended resource. The claim
that the scheduler makes for such a Pod only counts what the Pod does not count already (KEP-5004).
"""

from collections.abc import Callable, Sequence
from typing import Protocol

from minik.api.quantity import Quantity, of
from minik.api.types import GVR, Obj

DEVICE_CLASSES = GVR("resource.k8s.io", "v1", "deviceclasses")
CLAIMS = GVR("resource.k8s.io", "v1", "resourceclaims")
PODS = GVR("", "v1", "pods")
DEVICE_SUFFIX = ".deviceclass.resource.k8s.io/devices"

_OF_CLASS = "requests.deviceclass.resource.kubernetes.io/"
_FOR_EXTENDED = "resource.kubernetes.io/extended-resource-claim"  # annotation of claims the scheduler made
_MOST_DEVICES = 32  # that one allocation can hold


class Around(Protocol):
    """What else there is: classes, and the Pods and claims of the namespace."""

    def get(self, resource: GVR, name: str, namespace: str = "") -> Obj | None: ...

    def list(self, resource: GVR, namespace: str = "") -> Sequence[Obj]: ...


def device_usage(claim: Obj, around: Around, pod_usage: Callable[[Obj], dict[str, Quantity]]) -> dict[str, Quantity]:
    """`pod_usage` says what a Pod counts itself."""
    pod = _pod_asking(claim, around)
    already = {} if pod is None else pod_usage(pod)
    used = {}
    for name, count in _devices(claim).items():
        used[f"{name}{DEVICE_SUFFIX}"] = of(count)
        for item in _as_requests(name, around):
            rest = of(count) - already.get(item, Quantity(0))
            if rest.nanos > 0:
                used[item] = rest
    return used


def _devices(claim: Obj) -> dict[str, int]:
    """How many by class; of alternatives the dearest counts for each class."""
    found: dict[str, int] = {}
    for request in ((claim.get("spec") or {}).get("devices") or {}).get("requests") or ():
        wanted: dict[str, int] = {}
        for each in request.get("firstAvailable") or [request.get("exactly") or request]:
            name = each.get("deviceClassName", "")
            count = _MOST_DEVICES if each.get("allocationMode") == "All" else each.get("count", 0)
            wanted[name] = max(wanted.get(name, 0), count)
        for name, count in wanted.items():
            found[name] = found.get(name, 0) + count
    return found


def _as_requests(device_class: str, around: Around) -> list[str]:
    known = around.get(DEVICE_CLASSES, device_class) or {}
    extended = (known.get("spec") or {}).get("extendedResourceName")
    return [f"{_OF_CLASS}{device_class}", *([f"requests.{extended}"] if extended else ())]


def _pod_asking(claim: Obj, around: Around) -> Obj | None:
    """The Pod whose extended resources the claim is for; None if it is any other claim, or one too many."""
    metadata = claim["metadata"]
    owner = _owner(claim)
    if owner is None:
        return None
    namespace = metadata.get("namespace", "")
    pod = around.get(PODS, owner.get("name", ""), namespace)
    if pod is None or pod["metadata"].get("uid") != owner.get("uid"):
        return None
    served = (pod.get("status") or {}).get("extendedResourceClaimStatus")
    if served is not None:
        return pod if served.get("resourceClaimName") == metadata.get("name") else None
    rivals = (other for other in around.list(CLAIMS, namespace) if _owner(other) == owner)
    return None if any(_age(other) < _age(claim) for other in rivals) else pod


def _owner(claim: Obj) -> Obj | None:
    metadata = claim["metadata"]
    if (metadata.get("annotations") or {}).get(_FOR_EXTENDED) != "true":
        return None
    for owner in metadata.get("ownerReferences") or ():
        if owner.get("controller"):
            return owner if (owner.get("apiVersion"), owner.get("kind")) == ("v1", "Pod") else None
    return None


def _age(claim: Obj) -> tuple[str, str]:
    """The older, the less. A claim that is being created is the youngest."""
    metadata = claim["metadata"]
    return metadata.get("creationTimestamp") or "~", metadata.get("name", "")
