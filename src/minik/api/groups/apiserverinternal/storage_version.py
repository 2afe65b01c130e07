"""StorageVersion (internal.apiserver.k8s.io/v1alpha1): which version each API server stores a resource in."""

from datetime import datetime
from typing import Any

from minik.api.columns import AGE, NAME, age
from minik.api.groups.status_rules import RESET_STATUS, keep_status, reset_status, status_strategy
from minik.api.scheme import Column, Resource, Strategy, Subresource
from minik.api.types import Obj
from minik.api.validation import FieldError, invalid_value

_TYPE = "io.k8s.api.apiserverinternal.v1alpha1.StorageVersion"
_COLUMNS = (
    NAME,
    Column(
        "CommonEncodingVersion",
        description=(
            "If all API server instances agree on the same encoding storage version, then this field is set to that "
            "version. Otherwise this field is left empty. API servers should finish updating its storageVersionStatus "
            "entry before serving write operations, so that this field will be in sync with the reality."
        ),
    ),
    Column(
        "StorageVersions",
        description="The reported versions per API server instance.",
    ),
    AGE,
)


def _cells(obj: Obj, now: datetime) -> list[Any]:
    status = obj.get("status") or {}
    reported = [
        f"{v.get('apiServerID', '')}={v.get('encodingVersion', '')}" for v in status.get("storageVersions") or ()
    ]
    return [
        obj["metadata"]["name"],
        status.get("commonEncodingVersion") or "<unset>",
        ",".join(reported) or "<unset>",
        age(obj, now),
    ]


def _name_errors(name: str, _is_prefix: bool) -> list[str]:
    return [] if "." in name else ["name must be in the form of <group>.<resource>"]


def _validate_status(new: Obj, _old: Obj) -> list[FieldError]:
    errors: list[FieldError] = []
    for index, version in enumerate((new.get("status") or {}).get("storageVersions") or ()):
        encoding, decodable = version.get("encodingVersion", ""), version.get("decodableVersions") or []
        if encoding not in decodable:
            at = f"status.storageVersions[{index}]"
            text = f"decodableVersions must include encodingVersion {encoding}"
            errors.append(invalid_value(at, decodable, text))
    return errors


RESOURCES = (
    Resource(
        group="internal.apiserver.k8s.io",
        version="v1alpha1",
        kind="StorageVersion",
        plural="storageversions",
        singular="storageversion",
        type_name=_TYPE,
        namespaced=False,
        strategy=Strategy(
            prepare_create=reset_status(_TYPE),
            prepare_update=keep_status,
            name_errors=_name_errors,
            unconditional_update=False,
            reset_fields=RESET_STATUS,
        ),
        subresources=(
            Subresource(
                name="status",
                kind="StorageVersion",
                strategy=status_strategy(
                    validate_update=_validate_status, reset_fields=frozenset({("metadata",), ("spec",)})
                ),
            ),
        ),
        columns=_COLUMNS,
        cells=_cells,
        storage_version_hash="c8YZt5U0nPk=",
    ),
)
