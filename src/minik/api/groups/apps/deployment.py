"""Deployment (apps/v1)."""

from minik.api.scheme import Resource, Subresource

RESOURCES = (
    Resource(
        group="apps",
        version="v1",
        kind="Deployment",
        plural="deployments",
        singular="deployment",
        type_name="io.k8s.api.apps.v1.Deployment",
        short_names=("deploy",),
        categories=("all",),
        subresources=(
            Subresource(name="scale", kind="Scale", kind_group="autoscaling", kind_version="v1"),
            Subresource(name="status", kind="Deployment"),
        ),
        storage_version_hash="8aSe+NMegvE=",
    ),
)
