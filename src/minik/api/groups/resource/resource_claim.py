"""ResourceClaim (resource.k8s.io/v1, resource.k8s.io/v1beta2, resource.k8s.io/v1beta1)."""

from minik.api.scheme import Resource, Subresource
from minik.api.types import GVR

RESOURCES = (
    Resource(
        group="resource.k8s.io",
        version="v1",
        kind="ResourceClaim",
        plural="resourceclaims",
        singular="resourceclaim",
        type_name="io.k8s.api.resource.v1.ResourceClaim",
        subresources=(Subresource(name="status", kind="ResourceClaim"),),
        storage_version_hash="wgAZaHcZxUg=",
    ),
    Resource(
        group="resource.k8s.io",
        version="v1beta2",
        kind="ResourceClaim",
        plural="resourceclaims",
        singular="resourceclaim",
        type_name="io.k8s.api.resource.v1beta2.ResourceClaim",
        subresources=(Subresource(name="status", kind="ResourceClaim"),),
        storage=GVR("resource.k8s.io", "v1", "resourceclaims"),
        storage_version_hash="wgAZaHcZxUg=",
    ),
    Resource(
        group="resource.k8s.io",
        version="v1beta1",
        kind="ResourceClaim",
        plural="resourceclaims",
        singular="resourceclaim",
        type_name="io.k8s.api.resource.v1beta1.ResourceClaim",
        subresources=(Subresource(name="status", kind="ResourceClaim"),),
        storage=GVR("resource.k8s.io", "v1", "resourceclaims"),
        storage_version_hash="wgAZaHcZxUg=",
    ),
)
