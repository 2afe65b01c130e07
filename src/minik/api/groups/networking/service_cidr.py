"""ServiceCIDR (networking.k8s.io/v1, networking.k8s.io/v1beta1)."""

from minik.api.scheme import Resource, Subresource
from minik.api.types import GVR

RESOURCES = (
    Resource(
        group="networking.k8s.io",
        version="v1",
        kind="ServiceCIDR",
        plural="servicecidrs",
        singular="servicecidr",
        type_name="io.k8s.api.networking.v1.ServiceCIDR",
        namespaced=False,
        subresources=(Subresource(name="status", kind="ServiceCIDR"),),
        storage_version_hash="gNLvruQhW2g=",
    ),
    Resource(
        group="networking.k8s.io",
        version="v1beta1",
        kind="ServiceCIDR",
        plural="servicecidrs",
        singular="servicecidr",
        type_name="io.k8s.api.networking.v1beta1.ServiceCIDR",
        namespaced=False,
        subresources=(Subresource(name="status", kind="ServiceCIDR"),),
        storage=GVR("networking.k8s.io", "v1", "servicecidrs"),
        storage_version_hash="gNLvruQhW2g=",
    ),
)
