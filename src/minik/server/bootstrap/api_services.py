"""An APIService for every built-in group version that is served.

Pure. Upstream's autoregistration controller makes them when kube-apiserver starts, and takes those away that are not
served any more (--runtime-config).
"""

from collections.abc import Iterator

from minik.api.scheme import Scheme
from minik.api.types import Obj

MANAGED = {"kube-aggregator.kubernetes.io/automanaged": "onstart"}

# group -> {version: priority}, and the group's own priority (kube-apiserver's API service priorities)
_API_SERVICES: dict[str, tuple[int, dict[str, int]]] = {
    "": (18000, {"v1": 1}),
    "apps": (17800, {"v1": 15}),
    "events.k8s.io": (17750, {"v1": 15}),
    "authentication.k8s.io": (17700, {"v1": 15}),
    "authorization.k8s.io": (17600, {"v1": 15}),
    "autoscaling": (17500, {"v1": 15, "v2": 30}),
    "batch": (17400, {"v1": 15}),
    "certificates.k8s.io": (17300, {"v1": 15, "v1beta1": 9, "v1alpha1": 1}),
    "networking.k8s.io": (17200, {"v1": 15, "v1beta1": 9}),
    "policy": (17100, {"v1": 15}),
    "rbac.authorization.k8s.io": (17000, {"v1": 15}),
    "storage.k8s.io": (16800, {"v1": 15, "v1beta1": 9}),
    "apiextensions.k8s.io": (16700, {"v1": 15}),
    "admissionregistration.k8s.io": (16700, {"v1": 15, "v1beta1": 12, "v1alpha1": 9}),
    "scheduling.k8s.io": (16600, {"v1": 15, "v1alpha2": 2}),
    "coordination.k8s.io": (16500, {"v1": 15, "v1beta1": 9, "v1alpha2": 2}),
    "node.k8s.io": (16300, {"v1": 15}),
    "discovery.k8s.io": (16200, {"v1": 15}),
    "resource.k8s.io": (16200, {"v1": 21, "v1beta2": 15, "v1beta1": 9, "v1alpha3": 1}),
    "flowcontrol.apiserver.k8s.io": (16100, {"v1": 21}),
    "internal.apiserver.k8s.io": (16000, {"v1alpha1": 9}),
    "storagemigration.k8s.io": (15800, {"v1beta1": 9}),
    "metrics.k8s.io": (100, {"v1beta1": 100}),  # as metrics-server's own manifest has it
}


def api_service_objects(scheme: Scheme, timestamp: str) -> Iterator[Obj]:
    """Those that are wanted."""
    served = {(resource.group, resource.version) for resource in scheme}
    for group, (group_priority, versions) in _API_SERVICES.items():
        for version, priority in versions.items():
            if (group, version) in served:
                yield _api_service(group, version, group_priority, priority, timestamp)


def is_obsolete(found: Obj, scheme: Scheme) -> bool:
    """Whether an APIService of ours stands for what is not served any more."""
    spec = found["spec"]
    served = any((r.group, r.version) == (spec.get("group", ""), spec.get("version")) for r in scheme)
    return not served and MANAGED.items() <= (found["metadata"].get("labels") or {}).items()


def _api_service(group: str, version: str, group_priority: int, priority: int, timestamp: str) -> Obj:
    available = {
        "type": "Available",
        "status": "True",
        "lastTransitionTime": timestamp,
        "reason": "Local",
        "message": "Local APIServices are always available",
    }
    spec: Obj = {"group": group} if group else {}
    spec |= {"version": version, "groupPriorityMinimum": group_priority, "versionPriority": priority}
    return {
        "kind": "APIService",
        "apiVersion": "apiregistration.k8s.io/v1",
        "metadata": {"name": f"{version}.{group}", "labels": dict(MANAGED)},
        "spec": spec,
        "status": {"conditions": [available]},
    }
