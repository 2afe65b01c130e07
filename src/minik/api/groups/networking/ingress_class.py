"""IngressClass (networking.k8s.io/v1)."""

from minik.api.scheme import Resource, Strategy

RESOURCES = (
    Resource(
        group="networking.k8s.io",
        version="v1",
        kind="IngressClass",
        plural="ingressclasses",
        singular="ingressclass",
        type_name="io.k8s.api.networking.v1.IngressClass",
        namespaced=False,
        strategy=Strategy(has_generation=True),
        storage_version_hash="l/iqIbDgFyQ=",
    ),
)
