"""ResourcePoolStatusRequest (resource.k8s.io/v1alpha3): asks how much of a pool of devices is left (KEP-5677)."""

from minik.api.go_form import go_struct
from minik.api.groups.creation_time_columns import COLUMNS, cells
from minik.api.groups.resource.device_names import validate_driver
from minik.api.groups.status_rules import (
    RESET_STATUS,
    keep_spec_and_metadata,
    keep_status,
    reset_status,
    status_strategy,
)
from minik.api.scheme import Resource, Strategy, Subresource
from minik.api.types import Obj
from minik.api.validation import FieldError, invalid_value

_TYPE = "io.k8s.api.resource.v1alpha3.ResourcePoolStatusRequest"


def _validate(obj: Obj) -> list[FieldError]:
    errors = validate_driver(obj["spec"].get("driver", ""), "spec.driver")
    limit = obj["spec"].get("limit")
    if limit is not None and limit < 1:
        errors.append(invalid_value("spec.limit", limit, "must be greater than or equal to 1"))
    return errors


def _validate_update(new: Obj, old: Obj) -> list[FieldError]:
    if new["spec"] == old["spec"]:
        return []
    shown = go_struct(new["spec"], f"{_TYPE}Spec")
    return [invalid_value("spec", shown, "field is immutable")]


RESOURCES = (
    Resource(
        group="resource.k8s.io",
        version="v1alpha3",
        kind="ResourcePoolStatusRequest",
        plural="resourcepoolstatusrequests",
        singular="resourcepoolstatusrequest",
        type_name=_TYPE,
        namespaced=False,
        strategy=Strategy(
            prepare_create=reset_status(_TYPE),
            prepare_update=keep_status,
            validate=_validate,
            validate_update=_validate_update,
            reset_fields=RESET_STATUS,
        ),
        subresources=(
            Subresource(
                name="status",
                kind="ResourcePoolStatusRequest",
                strategy=status_strategy(
                    prepare_update=keep_spec_and_metadata, reset_fields=frozenset({("metadata",), ("spec",)})
                ),
            ),
        ),
        columns=COLUMNS,
        cells=cells,
        storage_version_hash="iy583CtMwdY=",
    ),
)
