"""ConfigMap (v1)."""

from minik.api.scheme import Resource

RESOURCES = (
    Resource(
        group="",
        version="v1",
        kind="ConfigMap",
        plural="configmaps",
        singular="configmap",
        type_name="io.k8s.api.core.v1.ConfigMap",
        short_names=("cm",),
        storage_version_hash="qFsyl6wFWjQ=",
    ),
)
