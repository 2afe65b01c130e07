"""StorageVersionMigration (storagemigration.k8s.io/v1beta1)."""

from minik.api.scheme import Resource, Subresource

RESOURCES = (
    Resource(
        group="storagemigration.k8s.io",
        version="v1beta1",
        kind="StorageVersionMigration",
        plural="storageversionmigrations",
        singular="storageversionmigration",
        type_name="io.k8s.api.storagemigration.v1beta1.StorageVersionMigration",
        namespaced=False,
        subresources=(Subresource(name="status", kind="StorageVersionMigration"),),
        storage_version_hash="pCjmmKOkLy4=",
    ),
)
