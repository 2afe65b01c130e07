"""ReplicationController (v1)."""

from minik.api.scheme import Resource, Subresource

RESOURCES = (
    Resource(
        group="",
        version="v1",
        kind="ReplicationController",
        plural="replicationcontrollers",
        singular="replicationcontroller",
        type_name="io.k8s.api.core.v1.ReplicationController",
        short_names=("rc",),
        categories=("all",),
        subresources=(
            Subresource(name="scale", kind="Scale", kind_group="autoscaling", kind_version="v1"),
            Subresource(name="status", kind="ReplicationController"),
        ),
        storage_version_hash="Jond2If31h0=",
    ),
)
