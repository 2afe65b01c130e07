"""StatefulSet (apps/v1)."""

from minik.api.scheme import Resource, Subresource

RESOURCES = (
    Resource(
        group="apps",
        version="v1",
        kind="StatefulSet",
        plural="statefulsets",
        singular="statefulset",
        type_name="io.k8s.api.apps.v1.StatefulSet",
        short_names=("sts",),
        categories=("all",),
        subresources=(
            Subresource(name="scale", kind="Scale", kind_group="autoscaling", kind_version="v1"),
            Subresource(name="status", kind="StatefulSet"),
        ),
        storage_version_hash="H+vl74LkKdo=",
    ),
)
