"""DeviceTaintRule (resource.k8s.io/v1beta2, resource.k8s.io/v1alpha3)."""

from minik.api.scheme import Resource, Subresource
from minik.api.types import GVR

RESOURCES = (
    Resource(
        group="resource.k8s.io",
        version="v1beta2",
        kind="DeviceTaintRule",
        plural="devicetaintrules",
        singular="devicetaintrule",
        type_name="io.k8s.api.resource.v1beta2.DeviceTaintRule",
        namespaced=False,
        subresources=(Subresource(name="status", kind="DeviceTaintRule"),),
        storage=GVR("resource.k8s.io", "v1alpha3", "devicetaintrules"),
        storage_version_hash="DJ3UJ0fj8MI=",
    ),
    Resource(
        group="resource.k8s.io",
        version="v1alpha3",
        kind="DeviceTaintRule",
        plural="devicetaintrules",
        singular="devicetaintrule",
        type_name="io.k8s.api.resource.v1alpha3.DeviceTaintRule",
        namespaced=False,
        subresources=(Subresource(name="status", kind="DeviceTaintRule"),),
        storage_version_hash="DJ3UJ0fj8MI=",
    ),
)
