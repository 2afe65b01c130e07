"""Role (rbac.authorization.k8s.io/v1)."""

from minik.api.scheme import Resource

RESOURCES = (
    Resource(
        group="rbac.authorization.k8s.io",
        version="v1",
        kind="Role",
        plural="roles",
        singular="role",
        type_name="io.k8s.api.rbac.v1.Role",
        storage_version_hash="7FuwZcIIItM=",
    ),
)
