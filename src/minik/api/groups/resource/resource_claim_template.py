"""ResourceClaimTemplate (resource.k8s.io/v1, resource.k8s.io/v1beta2, resource.k8s.io/v1beta1)."""

from minik.api.scheme import Resource
from minik.api.types import GVR

RESOURCES = (
    Resource(
        group="resource.k8s.io",
        version="v1",
        kind="ResourceClaimTemplate",
        plural="resourceclaimtemplates",
        singular="resourceclaimtemplate",
        type_name="io.k8s.api.resource.v1.ResourceClaimTemplate",
        storage_version_hash="TuzjC49aUfM=",
    ),
    Resource(
        group="resource.k8s.io",
        version="v1beta2",
        kind="ResourceClaimTemplate",
        plural="resourceclaimtemplates",
        singular="resourceclaimtemplate",
        type_name="io.k8s.api.resource.v1beta2.ResourceClaimTemplate",
        storage=GVR("resource.k8s.io", "v1", "resourceclaimtemplates"),
        storage_version_hash="TuzjC49aUfM=",
    ),
    Resource(
        group="resource.k8s.io",
        version="v1beta1",
        kind="ResourceClaimTemplate",
        plural="resourceclaimtemplates",
        singular="resourceclaimtemplate",
        type_name="io.k8s.api.resource.v1beta1.ResourceClaimTemplate",
        storage=GVR("resource.k8s.io", "v1", "resourceclaimtemplates"),
        storage_version_hash="TuzjC49aUfM=",
    ),
)
