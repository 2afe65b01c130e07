"""LeaseCandidate (coordination.k8s.io/v1beta1, v1alpha2): who wants to lead (KEP-4355)."""

import re
from datetime import datetime
from typing import Any

from minik.api import names
from minik.api.columns import AGE, NAME, age
from minik.api.groups.coordination.lease import validate_election_strategy
from minik.api.object_meta import validate_immutable
from minik.api.scheme import Column, Resource, Strategy
from minik.api.types import GVR, Obj
from minik.api.validation import FieldError, invalid_value, required

_VERSION = re.compile(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?")
_COLUMNS = (
    NAME,
    Column(
        "LeaseName",
        description=(
            "LeaseName is the name of the lease for which this candidate is contending. The limits on this field "
            "are the same as on Lease.name. Multiple lease candidates may reference the same Lease.name. This "
            "field is immutable."
        ),
    ),
    Column(
        "BinaryVersion",
        description=(
            "BinaryVersion is the binary version. It must be in a semver format without leading `v`. This field is "
            "required."
        ),
    ),
    Column(
        "EmulationVersion",
        description=(
            "EmulationVersion is the emulation version. It must be in a semver format without leading `v`. "
            "EmulationVersion must be less than or equal to BinaryVersion. This field is required when strategy is "
            '"OldestEmulationVersion"'
        ),
    ),
    AGE,
)


def _cells(obj: Obj, now: datetime) -> list[Any]:
    spec = obj.get("spec") or {}
    versions = (spec.get(key, "") for key in ("leaseName", "binaryVersion", "emulationVersion"))
    return [obj["metadata"]["name"], *versions, age(obj, now)]


def _number(version: str) -> tuple[int, ...]:
    match = _VERSION.fullmatch(version)
    return tuple(int(part) for part in match.groups()[:3]) if match else ()


def _validate_version(version: str, path: str) -> list[FieldError]:
    return [] if _VERSION.fullmatch(version) else [invalid_value(path, version, "must be a valid semantic version")]


def _validate(obj: Obj) -> list[FieldError]:
    spec = obj.get("spec") or {}
    lease, binary, emulation = (spec.get(key, "") for key in ("leaseName", "binaryVersion", "emulationVersion"))
    strategy = spec.get("strategy", "")
    errors: list[FieldError] = []
    if not lease:
        errors.append(required("spec.leaseName"))
    else:
        errors += [invalid_value("spec.leaseName", lease, text) for text in names.dns_subdomain(lease)]
    errors += _validate_version(binary, "spec.binaryVersion") if binary else [required("spec.binaryVersion")]
    if emulation:
        errors += _validate_version(emulation, "spec.emulationVersion")
    elif strategy == "OldestEmulationVersion":
        text = 'must be specified when `strategy` is "OldestEmulationVersion"'
        errors.append(required("spec.emulationVersion", text))
    if _number(binary) and _number(emulation) and _number(emulation) > _number(binary):
        text = f'must be less than or equal to `binaryVersion` "{binary}"'
        errors.append(invalid_value("spec.emulationVersion", emulation, text))
    errors += validate_election_strategy(strategy, "spec.strategy") if strategy else [required("spec.strategy")]
    return errors


def _validate_update(new: Obj, old: Obj) -> list[FieldError]:
    lease, before = ((each.get("spec") or {}).get("leaseName", "") for each in (new, old))
    return _validate(new) + validate_immutable(lease, before, "spec.leaseName")


_STRATEGY = Strategy(
    validate=_validate, validate_update=_validate_update, create_on_update=True, unconditional_update=False
)

RESOURCES = (
    Resource(
        group="coordination.k8s.io",
        version="v1beta1",
        kind="LeaseCandidate",
        plural="leasecandidates",
        singular="leasecandidate",
        type_name="io.k8s.api.coordination.v1beta1.LeaseCandidate",
        strategy=_STRATEGY,
        columns=_COLUMNS,
        cells=_cells,
        storage_version_hash="lvME0iHWE20=",
    ),
    Resource(
        group="coordination.k8s.io",
        version="v1alpha2",
        kind="LeaseCandidate",
        plural="leasecandidates",
        singular="leasecandidate",
        type_name="io.k8s.api.coordination.v1alpha2.LeaseCandidate",
        strategy=_STRATEGY,
        columns=_COLUMNS,
        cells=_cells,
        storage=GVR("coordination.k8s.io", "v1beta1", "leasecandidates"),
        storage_version_hash="lvME0iHWE20=",
    ),
)
