"""Validation of ReplicaSets."""

from minik.api.groups.apps.workload_validation import (
    validate_at_most,
    validate_counts,
    validate_replica_template,
    validate_same_selector,
    validate_selector,
)
from minik.api.number_validation import validate_not_negative
from minik.api.types import Obj
from minik.api.validation import FieldError

_COUNTS = (
    "replicas",
    "fullyLabeledReplicas",
    "readyReplicas",
    "availableReplicas",
    "observedGeneration",
    "terminatingReplicas",
)


def validate_replica_set(replica_set: Obj) -> list[FieldError]:
    spec = replica_set["spec"]
    errors = validate_not_negative(spec.get("replicas"), "spec.replicas")
    errors += validate_not_negative(spec.get("minReadySeconds"), "spec.minReadySeconds")
    # The text is upstream's for ReplicaSets too.
    return errors + validate_selector(spec, "invalid for deployment") + validate_replica_template(spec)


def validate_replica_set_update(new: Obj, old: Obj) -> list[FieldError]:
    errors = validate_replica_set(new)
    return errors + validate_same_selector(new["spec"], old["spec"])


def validate_replica_set_status_update(new: Obj, _old: Obj) -> list[FieldError]:
    status = new.get("status") or {}
    errors = validate_counts(status, _COUNTS)
    total = ("fullyLabeledReplicas", "readyReplicas", "availableReplicas")
    errors += validate_at_most(status, total, "replicas", "cannot be greater than status.replicas")
    return errors + validate_at_most(status, total[2:], "readyReplicas", "cannot be greater than readyReplicas")
