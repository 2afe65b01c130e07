"""CSIDriver (storage.k8s.io/v1)."""

from minik.api.scheme import Resource

RESOURCES = (
    Resource(
        group="storage.k8s.io",
        version="v1",
        kind="CSIDriver",
        plural="csidrivers",
        singular="csidriver",
        type_name="io.k8s.api.storage.v1.CSIDriver",
        namespaced=False,
        storage_version_hash="hL6j/rwBV5w=",
    ),
)
