"""RoleBinding (rbac.authorization.k8s.io/v1): who has a role in one namespace."""

from minik.api.columns import AGE, NAME
from minik.api.groups.rbac.binding_fields import binding_cells, default_binding
from minik.api.groups.rbac.rule_validation import validate_role_binding, validate_same_role
from minik.api.names import path_segment_name
from minik.api.scheme import Column, Resource, Strategy
from minik.api.types import Obj
from minik.api.validation import FieldError

_COLUMNS = (
    NAME,
    Column(
        "Role",
        description=(
            "RoleRef can reference a Role in the current namespace or a ClusterRole in the global namespace. If "
            "the RoleRef cannot be resolved, the Authorizer must return an error."
        ),
    ),
    AGE,
    Column("Users", priority=1, description="Users in the roleBinding"),
    Column("Groups", priority=1, description="Groups in the roleBinding"),
    Column("ServiceAccounts", priority=1, description="ServiceAccounts in the roleBinding"),
)


def _validate_update(new: Obj, old: Obj) -> list[FieldError]:
    return validate_role_binding(new) + validate_same_role(new, old)


RESOURCES = (
    Resource(
        group="rbac.authorization.k8s.io",
        version="v1",
        kind="RoleBinding",
        plural="rolebindings",
        singular="rolebinding",
        type_name="io.k8s.api.rbac.v1.RoleBinding",
        strategy=Strategy(
            default=default_binding,
            validate=validate_role_binding,
            validate_update=_validate_update,
            create_on_update=True,
            metadata_checks=("create", "update"),
            name_errors=path_segment_name,
        ),
        columns=_COLUMNS,
        cells=binding_cells,
        storage_version_hash="eGsCzGH6b1g=",
    ),
)
