"""Secret (v1)."""

from minik.api.scheme import Resource

RESOURCES = (
    Resource(
        group="",
        version="v1",
        kind="Secret",
        plural="secrets",
        singular="secret",
        type_name="io.k8s.api.core.v1.Secret",
        storage_version_hash="S6u1pOWzb84=",
    ),
)
