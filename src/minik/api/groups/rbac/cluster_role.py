"""ClusterRole (rbac.authorization.k8s.io/v1)."""

from minik.api.scheme import Resource

RESOURCES = (
    Resource(
        group="rbac.authorization.k8s.io",
        version="v1",
        kind="ClusterRole",
        plural="clusterroles",
        singular="clusterrole",
        type_name="io.k8s.api.rbac.v1.ClusterRole",
        namespaced=False,
        storage_version_hash="bYE5ZWDrJ44=",
    ),
)
