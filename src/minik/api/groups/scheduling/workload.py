"""Workload (scheduling.k8s.io/v1alpha2)."""

from minik.api.scheme import Resource

RESOURCES = (
    Resource(
        group="scheduling.k8s.io",
        version="v1alpha2",
        kind="Workload",
        plural="workloads",
        singular="workload",
        type_name="io.k8s.api.scheduling.v1alpha2.Workload",
        storage_version_hash="vSX7gJe5Mx8=",
    ),
)
