"""ResourcePoolStatusRequest (resource.k8s.io/v1alpha3)."""

from minik.api.scheme import Resource, Subresource

RESOURCES = (
    Resource(
        group="resource.k8s.io",
        version="v1alpha3",
        kind="ResourcePoolStatusRequest",
        plural="resourcepoolstatusrequests",
        singular="resourcepoolstatusrequest",
        type_name="io.k8s.api.resource.v1alpha3.ResourcePoolStatusRequest",
        namespaced=False,
        subresources=(Subresource(name="status", kind="ResourcePoolStatusRequest"),),
        storage_version_hash="iy583CtMwdY=",
    ),
)
