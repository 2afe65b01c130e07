"""CSINode (storage.k8s.io/v1)."""

from minik.api.scheme import Resource

RESOURCES = (
    Resource(
        group="storage.k8s.io",
        version="v1",
        kind="CSINode",
        plural="csinodes",
        singular="csinode",
        type_name="io.k8s.api.storage.v1.CSINode",
        namespaced=False,
        storage_version_hash="Pe62DkZtjuo=",
    ),
)
