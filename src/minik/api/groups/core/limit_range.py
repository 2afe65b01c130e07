"""LimitRange (v1)."""

from minik.api.scheme import Resource

RESOURCES = (
    Resource(
        group="",
        version="v1",
        kind="LimitRange",
        plural="limitranges",
        singular="limitrange",
        type_name="io.k8s.api.core.v1.LimitRange",
        short_names=("limits",),
        storage_version_hash="EBKMFVe6cwo=",
    ),
)
