"""PodGroup (scheduling.k8s.io/v1alpha2): Pods that are scheduled together or not at all."""

from minik.api.condition_validation import validate_conditions
from minik.api.groups.creation_time_columns import COLUMNS, cells
from minik.api.groups.scheduling.scheduling_group_validation import validate_pod_group, validate_pod_group_update
from minik.api.groups.status_rules import (
    RESET_STATUS,
    keep_spec_and_metadata,
    keep_status,
    reset_status,
    status_strategy,
)
from minik.api.scheme import Resource, Strategy, Subresource
from minik.api.types import Obj
from minik.api.validation import FieldError

_TYPE = "io.k8s.api.scheduling.v1alpha2.PodGroup"


def _validate_status(new: Obj, _old: Obj) -> list[FieldError]:
    return validate_conditions((new.get("status") or {}).get("conditions"), "status.conditions")


RESOURCES = (
    Resource(
        group="scheduling.k8s.io",
        version="v1alpha2",
        kind="PodGroup",
        plural="podgroups",
        singular="podgroup",
        type_name=_TYPE,
        strategy=Strategy(
            prepare_create=reset_status(_TYPE),
            prepare_update=keep_status,
            validate=validate_pod_group,
            validate_update=validate_pod_group_update,
            reset_fields=RESET_STATUS,
        ),
        subresources=(
            Subresource(
                name="status",
                kind="PodGroup",
                strategy=status_strategy(
                    prepare_update=keep_spec_and_metadata,
                    validate_update=_validate_status,
                    reset_fields=frozenset({("metadata",), ("spec",)}),
                ),
            ),
        ),
        columns=COLUMNS,
        cells=cells,
        storage_version_hash="YYgX3v5V204=",
    ),
)
