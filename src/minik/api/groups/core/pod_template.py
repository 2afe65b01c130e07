"""PodTemplate (v1)."""

from minik.api.scheme import Resource

RESOURCES = (
    Resource(
        group="",
        version="v1",
        kind="PodTemplate",
        plural="podtemplates",
        singular="podtemplate",
        type_name="io.k8s.api.core.v1.PodTemplate",
        storage_version_hash="LIXB2x4IFpk=",
    ),
)
