"""NetworkPolicy (networking.k8s.io/v1)."""

from minik.api.scheme import Resource, Strategy

RESOURCES = (
    Resource(
        group="networking.k8s.io",
        version="v1",
        kind="NetworkPolicy",
        plural="networkpolicies",
        singular="networkpolicy",
        type_name="io.k8s.api.networking.v1.NetworkPolicy",
        short_names=("netpol",),
        strategy=Strategy(has_generation=True),
        storage_version_hash="YpfwF18m1G8=",
    ),
)
