"""StorageVersion (internal.apiserver.k8s.io/v1alpha1)."""

from minik.api.scheme import Resource, Subresource

RESOURCES = (
    Resource(
        group="internal.apiserver.k8s.io",
        version="v1alpha1",
        kind="StorageVersion",
        plural="storageversions",
        singular="storageversion",
        type_name="io.k8s.api.apiserverinternal.v1alpha1.StorageVersion",
        namespaced=False,
        subresources=(Subresource(name="status", kind="StorageVersion"),),
        storage_version_hash="c8YZt5U0nPk=",
    ),
)
