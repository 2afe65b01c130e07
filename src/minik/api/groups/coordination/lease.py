"""Lease (coordination.k8s.io/v1)."""

from minik.api.scheme import Resource

RESOURCES = (
    Resource(
        group="coordination.k8s.io",
        version="v1",
        kind="Lease",
        plural="leases",
        singular="lease",
        type_name="io.k8s.api.coordination.v1.Lease",
        storage_version_hash="gqkMMb/YqFM=",
    ),
)
