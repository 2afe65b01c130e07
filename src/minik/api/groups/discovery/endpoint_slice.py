"""EndpointSlice (discovery.k8s.io/v1)."""

from minik.api.scheme import Resource, Strategy

RESOURCES = (
    Resource(
        group="discovery.k8s.io",
        version="v1",
        kind="EndpointSlice",
        plural="endpointslices",
        singular="endpointslice",
        type_name="io.k8s.api.discovery.v1.EndpointSlice",
        strategy=Strategy(
            has_generation=True,
            generation_changes=lambda new, old: any(
                new.get(key) != old.get(key) for key in ("addressType", "endpoints", "ports")
            ),
        ),
        storage_version_hash="qgS0xkrxYAI=",
    ),
)
