"""Lease (coordination.k8s.io/v1): who leads, and signs of life of nodes.

Behaviour: https://kubernetes.io/docs/concepts/architecture/leases/
"""

from datetime import datetime
from typing import Any

from minik.api import names
from minik.api.columns import AGE, NAME, age
from minik.api.scheme import Column, Resource, Strategy
from minik.api.types import Obj
from minik.api.validation import FieldError, forbidden, invalid_value

_OLDEST = "OldestEmulationVersion"
_ELECTION = ("strategy", "preferredHolder")
_COLUMNS = (
    NAME,
    Column(
        "Holder",
        description=(
            "holderIdentity contains the identity of the holder of a current lease. If Coordinated Leader "
            "Election is used, the holder identity must be equal to the elected LeaseCandidate.metadata.name "
            "field."
        ),
    ),
    AGE,
)


def _cells(obj: Obj, now: datetime) -> list[Any]:
    return [obj["metadata"]["name"], (obj.get("spec") or {}).get("holderIdentity") or "", age(obj, now)]


def validate_election_strategy(strategy: str, path: str) -> list[FieldError]:
    """The known strategy, or one of somebody's own with a domain."""
    if strategy == _OLDEST:
        return []
    if "/" not in strategy:
        text = f"must be a fully qualified name with a domain, or {_OLDEST}"
        return [invalid_value(path, strategy, text)]
    return [invalid_value(path, strategy, text) for text in names.qualified_name(strategy)]


def _forget_election(obj: Obj) -> None:
    """Coordinated leader election is off."""
    for key in _ELECTION:
        (obj.get("spec") or {}).pop(key, None)


def _prepare_update(new: Obj, old: Obj) -> None:
    for key in _ELECTION:
        if (old.get("spec") or {}).get(key) is None:
            (new.get("spec") or {}).pop(key, None)


def _validate(obj: Obj) -> list[FieldError]:
    spec = obj.get("spec") or {}
    seconds, transitions, strategy = (spec.get(key) for key in ("leaseDurationSeconds", "leaseTransitions", "strategy"))
    errors: list[FieldError] = []
    if seconds is not None and seconds <= 0:
        errors.append(invalid_value("spec.leaseDurationSeconds", seconds, "must be greater than 0"))
    if transitions is not None and transitions < 0:
        errors.append(invalid_value("spec.leaseTransitions", transitions, "must be greater than or equal to 0"))
    if strategy is not None:
        errors += validate_election_strategy(strategy, "spec.strategy")
    if spec.get("preferredHolder") and not strategy:
        errors.append(forbidden("spec.preferredHolder", "may only be specified if `strategy` is defined"))
    return errors


def _validate_update(new: Obj, _old: Obj) -> list[FieldError]:
    return _validate(new)


RESOURCES = (
    Resource(
        group="coordination.k8s.io",
        version="v1",
        kind="Lease",
        plural="leases",
        singular="lease",
        type_name="io.k8s.api.coordination.v1.Lease",
        strategy=Strategy(
            prepare_create=_forget_election,
            prepare_update=_prepare_update,
            validate=_validate,
            validate_update=_validate_update,
            create_on_update=True,
            unconditional_update=False,
        ),
        columns=_COLUMNS,
        cells=_cells,
        storage_version_hash="gqkMMb/YqFM=",
    ),
)
