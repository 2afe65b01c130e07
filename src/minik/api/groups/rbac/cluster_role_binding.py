"""ClusterRoleBinding (rbac.authorization.k8s.io/v1): who has a role everywhere."""

from minik.api.columns import AGE, NAME
from minik.api.groups.rbac.binding_fields import binding_cells, default_binding
from minik.api.groups.rbac.rule_validation import validate_cluster_role_binding, validate_same_role
from minik.api.names import path_segment_name
from minik.api.scheme import Column, Resource, Strategy
from minik.api.types import Obj
from minik.api.validation import FieldError

_COLUMNS = (
    NAME,
    Column(
        "Role",
        description=(
            "RoleRef can only reference a ClusterRole in the global namespace. If the RoleRef cannot be "
            "resolved, the Authorizer must return an error."
        ),
    ),
    AGE,
    Column("Users", priority=1, description="Users in the clusterRoleBinding"),
    Column("Groups", priority=1, description="Groups in the clusterRoleBinding"),
    Column("ServiceAccounts", priority=1, description="ServiceAccounts in the clusterRoleBinding"),
)


def _validate_update(new: Obj, old: Obj) -> list[FieldError]:
    return validate_cluster_role_binding(new) + validate_same_role(new, old)


RESOURCES = (
    Resource(
        group="rbac.authorization.k8s.io",
        version="v1",
        kind="ClusterRoleBinding",
        plural="clusterrolebindings",
        singular="clusterrolebinding",
        type_name="io.k8s.api.rbac.v1.ClusterRoleBinding",
        namespaced=False,
        strategy=Strategy(
            default=default_binding,
            validate=validate_cluster_role_binding,
            validate_update=_validate_update,
            create_on_update=True,
            metadata_checks=("create", "update"),
            name_errors=path_segment_name,
        ),
        columns=_COLUMNS,
        cells=binding_cells,
        storage_version_hash="48tpQ8gZHFc=",
    ),
)
