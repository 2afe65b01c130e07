"""ResourceQuota (v1)."""

from minik.api.scheme import Resource, Subresource

RESOURCES = (
    Resource(
        group="",
        version="v1",
        kind="ResourceQuota",
        plural="resourcequotas",
        singular="resourcequota",
        type_name="io.k8s.api.core.v1.ResourceQuota",
        short_names=("quota",),
        subresources=(Subresource(name="status", kind="ResourceQuota"),),
        storage_version_hash="8uhSgffRX6w=",
    ),
)
