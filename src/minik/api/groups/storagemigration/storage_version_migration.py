"""StorageVersionMigration (storagemigration.k8s.io/v1beta1): rewrites all objects of a resource.

Behaviour: https://kubernetes.io/docs/tasks/manage-kubernetes-objects/storage-version-migration/
"""

from minik.api import names
from minik.api.condition_validation import validate_conditions
from minik.api.groups.creation_time_columns import COLUMNS, cells
from minik.api.groups.status_rules import RESET_STATUS, keep_status, reset_status, status_strategy
from minik.api.scheme import Resource, Strategy, Subresource
from minik.api.types import Obj
from minik.api.validation import FieldError, invalid_value, required

_TYPE = "io.k8s.api.storagemigration.v1beta1.StorageVersionMigration"


def _validate(obj: Obj) -> list[FieldError]:
    resource = obj["spec"].get("resource") or {}
    name, group = resource.get("resource", ""), resource.get("group", "")
    errors: list[FieldError] = []
    if not name:
        errors.append(required("spec.resource.resource", "resource is required"))
    else:
        errors += [invalid_value("spec.resource.resource", name, text) for text in names.dns_1035_label(name)]
    if group:
        errors += [invalid_value("spec.resource.group", group, text) for text in names.dns_subdomain(group)]
    return errors


def _validate_update(new: Obj, old: Obj) -> list[FieldError]:
    errors = _validate(new)
    if new["spec"] != old["spec"]:
        errors.append(invalid_value("spec", new["spec"], "field is immutable"))
    return errors


def _validate_status(new: Obj, _old: Obj) -> list[FieldError]:
    return validate_conditions((new.get("status") or {}).get("conditions"), "status.conditions")


RESOURCES = (
    Resource(
        group="storagemigration.k8s.io",
        version="v1beta1",
        kind="StorageVersionMigration",
        plural="storageversionmigrations",
        singular="storageversionmigration",
        type_name=_TYPE,
        namespaced=False,
        strategy=Strategy(
            prepare_create=reset_status(_TYPE),
            prepare_update=keep_status,
            validate=_validate,
            validate_update=_validate_update,
            unconditional_update=False,
            reset_fields=RESET_STATUS,
        ),
        subresources=(
            Subresource(
                name="status",
                kind="StorageVersionMigration",
                strategy=status_strategy(
                    validate_update=_validate_status, reset_fields=frozenset({("metadata",), ("spec",)})
                ),
            ),
        ),
        columns=COLUMNS,
        cells=cells,
        storage_version_hash="pCjmmKOkLy4=",
    ),
)
