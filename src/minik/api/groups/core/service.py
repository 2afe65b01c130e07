"""Service (v1)."""

from minik.api.scheme import Resource, Subresource

RESOURCES = (
    Resource(
        group="",
        version="v1",
        kind="Service",
        plural="services",
        singular="service",
        type_name="io.k8s.api.core.v1.Service",
        short_names=("svc",),
        categories=("all",),
        subresources=(
            Subresource(name="proxy", kind="ServiceProxyOptions", verbs=("create", "delete", "get", "patch", "update")),
            Subresource(name="status", kind="Service"),
        ),
        storage_version_hash="0/CO1lhkEBI=",
    ),
)
