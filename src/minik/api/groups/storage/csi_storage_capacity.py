"""CSIStorageCapacity (storage.k8s.io/v1)."""

from minik.api.scheme import Resource

RESOURCES = (
    Resource(
        group="storage.k8s.io",
        version="v1",
        kind="CSIStorageCapacity",
        plural="csistoragecapacities",
        singular="csistoragecapacity",
        type_name="io.k8s.api.storage.v1.CSIStorageCapacity",
        storage_version_hash="xeVl+2Ly1kE=",
    ),
)
