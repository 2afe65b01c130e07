"""Endpoints (v1)."""

from minik.api.scheme import Resource

RESOURCES = (
    Resource(
        group="",
        version="v1",
        kind="Endpoints",
        plural="endpoints",
        singular="endpoints",
        type_name="io.k8s.api.core.v1.Endpoints",
        short_names=("ep",),
        storage_version_hash="fWeeMqaN/OA=",
    ),
)
