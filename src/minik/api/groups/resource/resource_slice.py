"""ResourceSlice (resource.k8s.io/v1, resource.k8s.io/v1beta2, resource.k8s.io/v1beta1)."""

from minik.api.scheme import Resource, Strategy
from minik.api.types import GVR

RESOURCES = (
    Resource(
        group="resource.k8s.io",
        version="v1",
        kind="ResourceSlice",
        plural="resourceslices",
        singular="resourceslice",
        type_name="io.k8s.api.resource.v1.ResourceSlice",
        namespaced=False,
        strategy=Strategy(has_generation=True),
        storage_version_hash="KsC072WgaEY=",
    ),
    Resource(
        group="resource.k8s.io",
        version="v1beta2",
        kind="ResourceSlice",
        plural="resourceslices",
        singular="resourceslice",
        type_name="io.k8s.api.resource.v1beta2.ResourceSlice",
        namespaced=False,
        strategy=Strategy(has_generation=True),
        storage=GVR("resource.k8s.io", "v1", "resourceslices"),
        storage_version_hash="KsC072WgaEY=",
    ),
    Resource(
        group="resource.k8s.io",
        version="v1beta1",
        kind="ResourceSlice",
        plural="resourceslices",
        singular="resourceslice",
        type_name="io.k8s.api.resource.v1beta1.ResourceSlice",
        namespaced=False,
        strategy=Strategy(has_generation=True),
        storage=GVR("resource.k8s.io", "v1", "resourceslices"),
        storage_version_hash="KsC072WgaEY=",
    ),
)
