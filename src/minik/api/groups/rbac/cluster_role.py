"""ClusterRole (rbac.authorization.k8s.io/v1): what may be done anywhere."""

from minik.api.groups.creation_time_columns import COLUMNS, cells
from minik.api.groups.rbac.rule_validation import validate_cluster_role
from minik.api.names import path_segment_name
from minik.api.scheme import Resource, Strategy
from minik.api.types import Obj
from minik.api.validation import FieldError


def _validate_update(new: Obj, _old: Obj) -> list[FieldError]:
    return validate_cluster_role(new)


RESOURCES = (
    Resource(
        group="rbac.authorization.k8s.io",
        version="v1",
        kind="ClusterRole",
        plural="clusterroles",
        singular="clusterrole",
        type_name="io.k8s.api.rbac.v1.ClusterRole",
        namespaced=False,
        strategy=Strategy(
            validate=validate_cluster_role,
            validate_update=_validate_update,
            name_errors=path_segment_name,
            create_on_update=True,
            metadata_checks=("create", "update"),
        ),
        columns=COLUMNS,
        cells=cells,
        storage_version_hash="bYE5ZWDrJ44=",
    ),
)
