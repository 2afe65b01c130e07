"""APIService (apiregistration.k8s.io/v1)."""

from minik.api.scheme import Resource, Subresource

RESOURCES = (
    Resource(
        group="apiregistration.k8s.io",
        version="v1",
        kind="APIService",
        plural="apiservices",
        singular="apiservice",
        type_name="io.k8s.kube-aggregator.pkg.apis.apiregistration.v1.APIService",
        namespaced=False,
        categories=("api-extensions",),
        subresources=(Subresource(name="status", kind="APIService"),),
        storage_version_hash="InPBPD7+PqM=",
    ),
)
