"""ClusterRole (rbac.authorization.k8s.io/v1)."""

from minik.api.names import path_segment_name
from minik.api.scheme import Resource, Strategy

RESOURCES = (
    Resource(
        group="rbac.authorization.k8s.io",
        version="v1",
        kind="ClusterRole",
        plural="clusterroles",
        singular="clusterrole",
        type_name="io.k8s.api.rbac.v1.ClusterRole",
        namespaced=False,
        strategy=Strategy(name_errors=path_segment_name),
        storage_version_hash="bYE5ZWDrJ44=",
    ),
)
