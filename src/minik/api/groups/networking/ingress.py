"""Ingress (networking.k8s.io/v1)."""

from minik.api.scheme import Resource, Strategy, Subresource

RESOURCES = (
    Resource(
        group="networking.k8s.io",
        version="v1",
        kind="Ingress",
        plural="ingresses",
        singular="ingress",
        type_name="io.k8s.api.networking.v1.Ingress",
        short_names=("ing",),
        strategy=Strategy(has_generation=True),
        subresources=(Subresource(name="status", kind="Ingress"),),
        storage_version_hash="39NQlfNR+bo=",
    ),
)
