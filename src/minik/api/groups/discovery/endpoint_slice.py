"""EndpointSlice (discovery.k8s.io/v1)."""

from minik.api.scheme import Resource

RESOURCES = (
    Resource(
        group="discovery.k8s.io",
        version="v1",
        kind="EndpointSlice",
        plural="endpointslices",
        singular="endpointslice",
        type_name="io.k8s.api.discovery.v1.EndpointSlice",
        storage_version_hash="qgS0xkrxYAI=",
    ),
)
