"""Node (v1)."""

from minik.api.scheme import Resource, Subresource

RESOURCES = (
    Resource(
        group="",
        version="v1",
        kind="Node",
        plural="nodes",
        singular="node",
        type_name="io.k8s.api.core.v1.Node",
        namespaced=False,
        short_names=("no",),
        subresources=(
            Subresource(name="proxy", kind="NodeProxyOptions", verbs=("create", "delete", "get", "patch", "update")),
            Subresource(name="status", kind="Node"),
        ),
        storage_version_hash="XwShjMxG9Fs=",
    ),
)
