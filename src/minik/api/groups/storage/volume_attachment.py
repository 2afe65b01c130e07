"""VolumeAttachment (storage.k8s.io/v1)."""

from minik.api.scheme import Resource, Subresource

RESOURCES = (
    Resource(
        group="storage.k8s.io",
        version="v1",
        kind="VolumeAttachment",
        plural="volumeattachments",
        singular="volumeattachment",
        type_name="io.k8s.api.storage.v1.VolumeAttachment",
        namespaced=False,
        subresources=(Subresource(name="status", kind="VolumeAttachment"),),
        storage_version_hash="tJx/ezt6UDU=",
    ),
)
