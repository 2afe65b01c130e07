"""RoleBinding (rbac.authorization.k8s.io/v1)."""

from minik.api.scheme import Resource

RESOURCES = (
    Resource(
        group="rbac.authorization.k8s.io",
        version="v1",
        kind="RoleBinding",
        plural="rolebindings",
        singular="rolebinding",
        type_name="io.k8s.api.rbac.v1.RoleBinding",
        storage_version_hash="eGsCzGH6b1g=",
    ),
)
