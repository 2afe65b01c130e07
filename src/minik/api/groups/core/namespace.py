"""Namespace (v1)."""

from minik.api.scheme import Resource, Subresource

RESOURCES = (
    Resource(
        group="",
        version="v1",
        kind="Namespace",
        plural="namespaces",
        singular="namespace",
        type_name="io.k8s.api.core.v1.Namespace",
        namespaced=False,
        short_names=("ns",),
        verbs=("create", "delete", "get", "list", "patch", "update", "watch"),
        subresources=(
            Subresource(name="finalize", kind="Namespace", verbs=("update",)),
            Subresource(name="status", kind="Namespace"),
        ),
        storage_version_hash="Q3oi5N2YM8M=",
    ),
)
