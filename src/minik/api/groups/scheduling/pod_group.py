"""PodGroup (scheduling.k8s.io/v1alpha2)."""

from minik.api.scheme import Resource, Subresource

RESOURCES = (
    Resource(
        group="scheduling.k8s.io",
        version="v1alpha2",
        kind="PodGroup",
        plural="podgroups",
        singular="podgroup",
        type_name="io.k8s.api.scheduling.v1alpha2.PodGroup",
        subresources=(Subresource(name="status", kind="PodGroup"),),
        storage_version_hash="YYgX3v5V204=",
    ),
)
