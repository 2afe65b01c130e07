"""PersistentVolume (v1)."""

from minik.api.scheme import Resource, Subresource

RESOURCES = (
    Resource(
        group="",
        version="v1",
        kind="PersistentVolume",
        plural="persistentvolumes",
        singular="persistentvolume",
        type_name="io.k8s.api.core.v1.PersistentVolume",
        namespaced=False,
        short_names=("pv",),
        subresources=(Subresource(name="status", kind="PersistentVolume"),),
        storage_version_hash="HN/zwEC+JgM=",
    ),
)
