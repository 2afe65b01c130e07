"""ControllerRevision (apps/v1)."""

from minik.api.scheme import Resource

RESOURCES = (
    Resource(
        group="apps",
        version="v1",
        kind="ControllerRevision",
        plural="controllerrevisions",
        singular="controllerrevision",
        type_name="io.k8s.api.apps.v1.ControllerRevision",
        storage_version_hash="85nkx63pcBU=",
    ),
)
