"""PersistentVolumeClaim (v1)."""

from minik.api.scheme import Resource, Subresource

RESOURCES = (
    Resource(
        group="",
        version="v1",
        kind="PersistentVolumeClaim",
        plural="persistentvolumeclaims",
        singular="persistentvolumeclaim",
        type_name="io.k8s.api.core.v1.PersistentVolumeClaim",
        short_names=("pvc",),
        subresources=(Subresource(name="status", kind="PersistentVolumeClaim"),),
        storage_version_hash="QWTyNDq0dC4=",
    ),
)
