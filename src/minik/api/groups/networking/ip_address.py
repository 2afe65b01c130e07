"""IPAddress (networking.k8s.io/v1, networking.k8s.io/v1beta1)."""

from minik.api.scheme import Resource
from minik.api.types import GVR

RESOURCES = (
    Resource(
        group="networking.k8s.io",
        version="v1",
        kind="IPAddress",
        plural="ipaddresses",
        singular="ipaddress",
        type_name="io.k8s.api.networking.v1.IPAddress",
        namespaced=False,
        short_names=("ip",),
        storage_version_hash="3f/plJFChNE=",
    ),
    Resource(
        group="networking.k8s.io",
        version="v1beta1",
        kind="IPAddress",
        plural="ipaddresses",
        singular="ipaddress",
        type_name="io.k8s.api.networking.v1beta1.IPAddress",
        namespaced=False,
        short_names=("ip",),
        storage=GVR("networking.k8s.io", "v1", "ipaddresses"),
        storage_version_hash="3f/plJFChNE=",
    ),
)
