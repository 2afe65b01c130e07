"""DaemonSet (apps/v1)."""

from minik.api.scheme import Resource, Subresource

RESOURCES = (
    Resource(
        group="apps",
        version="v1",
        kind="DaemonSet",
        plural="daemonsets",
        singular="daemonset",
        type_name="io.k8s.api.apps.v1.DaemonSet",
        short_names=("ds",),
        categories=("all",),
        subresources=(Subresource(name="status", kind="DaemonSet"),),
        storage_version_hash="dd7pWHUlMKQ=",
    ),
)
