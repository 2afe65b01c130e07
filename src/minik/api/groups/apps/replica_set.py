"""ReplicaSet (apps/v1)."""

from minik.api.scheme import Resource, Subresource

RESOURCES = (
    Resource(
        group="apps",
        version="v1",
        kind="ReplicaSet",
        plural="replicasets",
        singular="replicaset",
        type_name="io.k8s.api.apps.v1.ReplicaSet",
        short_names=("rs",),
        categories=("all",),
        subresources=(
            Subresource(name="scale", kind="Scale", kind_group="autoscaling", kind_version="v1"),
            Subresource(name="status", kind="ReplicaSet"),
        ),
        storage_version_hash="P1RzHs8/mWQ=",
    ),
)
