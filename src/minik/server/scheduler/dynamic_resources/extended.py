"""Extended resources (`example.com/gpu: 2`) that a DeviceClass stands for and a node has no device plugin for. Pure.

The scheduler makes a claim for them, with one request per container and resource (KEP-5004).
"""

from collections.abc import Iterable, Iterator, Mapping

from minik.api.quantity import parse
from minik.api.types import Obj

IMPLICIT = "deviceclass.resource.kubernetes.io/"  # and the class's name: every class has such a resource
ANNOTATION = "resource.kubernetes.io/extended-resource-claim"


def classes_of(requests: Mapping[str, int], classes: Iterable[Obj]) -> dict[str, str]:
    """The class behind each resource of a Pod that has one. Of several the newest, then the first by name."""
    asked = {name for name, amount in requests.items() if amount and "/" in name}
    found: dict[str, str] = {}
    if not asked:
        return found
    by_name = sorted(classes, key=lambda one: str(one["metadata"]["name"]), reverse=True)
    for one in sorted(by_name, key=lambda one: str(one["metadata"].get("creationTimestamp") or "")):
        name = one["metadata"]["name"]
        for resource in (one["spec"].get("extendedResourceName"), f"{IMPLICIT}{name}"):
            if resource in asked:
                found[resource] = name
    return found


def missing_on(node_has: Mapping[str, int], classes: Mapping[str, str]) -> dict[str, str]:
    """Those that the node does not have otherwise."""
    return {resource: name for resource, name in classes.items() if not node_has.get(resource)}


def claim_for(pod: Obj, classes: Mapping[str, str]) -> Obj:
    """The claim for these resources, as it is created."""
    metadata = pod["metadata"]
    owner = {"apiVersion": "v1", "kind": "Pod", "name": metadata["name"], "uid": metadata["uid"]}
    return {
        "apiVersion": "resource.k8s.io/v1",
        "kind": "ResourceClaim",
        "metadata": {
            "generateName": f"{metadata['name']}-extended-resources-",
            "namespace": metadata["namespace"],
            "annotations": {ANNOTATION: "true"},
            "ownerReferences": [{**owner, "controller": True, "blockOwnerDeletion": True}],
        },
        "spec": {
            "devices": {"requests": [_request(name, of, count) for name, _, _, of, count in _asked(pod, classes)]}
        },
    }


def pod_status(pod: Obj, classes: Mapping[str, str], claim_name: str) -> Obj:
    """What the kubelet needs to know: `extendedResourceClaimStatus`."""
    mappings = [
        {"containerName": container["name"], "resourceName": resource, "requestName": name}
        for name, container, resource, _, _ in _asked(pod, classes)
    ]
    return {"resourceClaimName": claim_name, "requestMappings": mappings}


def _asked(pod: Obj, classes: Mapping[str, str]) -> Iterator[tuple[str, Obj, str, str, int]]:
    """Request name, container, resource, class and count. Numbers are places in the Pod and among sorted requests."""
    containers = [*(pod["spec"].get("initContainers") or ()), *pod["spec"]["containers"]]
    for index, container in enumerate(containers):
        requests = (container.get("resources") or {}).get("requests") or {}
        for place, resource in enumerate(sorted(requests)):
            count = parse(requests[resource]).value if resource in classes else 0
            if count:
                yield f"container-{index}-request-{place}", container, resource, classes[resource], count


def _request(name: str, device_class: str, count: int) -> Obj:
    exactly = {"deviceClassName": device_class, "allocationMode": "ExactCount", "count": count}
    return {"name": name, "exactly": exactly}
