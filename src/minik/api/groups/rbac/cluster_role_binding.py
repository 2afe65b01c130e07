"""ClusterRoleBinding (rbac.authorization.k8s.io/v1)."""

from minik.api.scheme import Resource

RESOURCES = (
    Resource(
        group="rbac.authorization.k8s.io",
        version="v1",
        kind="ClusterRoleBinding",
        plural="clusterrolebindings",
        singular="clusterrolebinding",
        type_name="io.k8s.api.rbac.v1.ClusterRoleBinding",
        namespaced=False,
        storage_version_hash="48tpQ8gZHFc=",
    ),
)
