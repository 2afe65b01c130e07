"""DeviceClass (resource.k8s.io/v1, resource.k8s.io/v1beta2, resource.k8s.io/v1beta1)."""

from minik.api.scheme import Resource, Strategy
from minik.api.types import GVR

RESOURCES = (
    Resource(
        group="resource.k8s.io",
        version="v1",
        kind="DeviceClass",
        plural="deviceclasses",
        singular="deviceclass",
        type_name="io.k8s.api.resource.v1.DeviceClass",
        namespaced=False,
        strategy=Strategy(has_generation=True),
        storage_version_hash="Yk2PTc1Ybxk=",
    ),
    Resource(
        group="resource.k8s.io",
        version="v1beta2",
        kind="DeviceClass",
        plural="deviceclasses",
        singular="deviceclass",
        type_name="io.k8s.api.resource.v1beta2.DeviceClass",
        namespaced=False,
        strategy=Strategy(has_generation=True),
        storage=GVR("resource.k8s.io", "v1", "deviceclasses"),
        storage_version_hash="Yk2PTc1Ybxk=",
    ),
    Resource(
        group="resource.k8s.io",
        version="v1beta1",
        kind="DeviceClass",
        plural="deviceclasses",
        singular="deviceclass",
        type_name="io.k8s.api.resource.v1beta1.DeviceClass",
        namespaced=False,
        strategy=Strategy(has_generation=True),
        storage=GVR("resource.k8s.io", "v1", "deviceclasses"),
        storage_version_hash="Yk2PTc1Ybxk=",
    ),
)
