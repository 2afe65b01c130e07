"""StorageClass (storage.k8s.io/v1)."""

from minik.api.scheme import Resource

RESOURCES = (
    Resource(
        group="storage.k8s.io",
        version="v1",
        kind="StorageClass",
        plural="storageclasses",
        singular="storageclass",
        type_name="io.k8s.api.storage.v1.StorageClass",
        namespaced=False,
        short_names=("sc",),
        storage_version_hash="K+m6uJwbjGY=",
    ),
)
