"""VolumeAttributesClass (storage.k8s.io/v1, storage.k8s.io/v1beta1)."""

from minik.api.scheme import Resource
from minik.api.types import GVR

RESOURCES = (
    Resource(
        group="storage.k8s.io",
        version="v1",
        kind="VolumeAttributesClass",
        plural="volumeattributesclasses",
        singular="volumeattributesclass",
        type_name="io.k8s.api.storage.v1.VolumeAttributesClass",
        namespaced=False,
        short_names=("vac",),
        storage_version_hash="tIjydgKBC5w=",
    ),
    Resource(
        group="storage.k8s.io",
        version="v1beta1",
        kind="VolumeAttributesClass",
        plural="volumeattributesclasses",
        singular="volumeattributesclass",
        type_name="io.k8s.api.storage.v1beta1.VolumeAttributesClass",
        namespaced=False,
        short_names=("vac",),
        storage=GVR("storage.k8s.io", "v1", "volumeattributesclasses"),
        storage_version_hash="tIjydgKBC5w=",
    ),
)
