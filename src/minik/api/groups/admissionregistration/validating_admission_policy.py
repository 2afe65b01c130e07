"""ValidatingAdmissionPolicy (admissionregistration.k8s.io/v1): CEL expressions that writes must meet.

Behaviour: https://kubernetes.io/docs/reference/access-authn-authz/validating-admission-policy/
"""

from datetime import datetime
from typing import Any

from minik.api.columns import AGE, NAME, age
from minik.api.condition_validation import validate_conditions
from minik.api.groups.admissionregistration.policy_fields import PARAM_KIND, default_policy, param_kind
from minik.api.groups.admissionregistration.policy_validation import validate_validating_policy
from minik.api.groups.status_rules import (
    RESET_STATUS,
    keep_spec_and_metadata,
    keep_status,
    reset_status,
    status_strategy,
)
from minik.api.scheme import Column, Resource, Strategy, Subresource
from minik.api.types import Obj
from minik.api.validation import FieldError, required

_TYPE = "io.k8s.api.admissionregistration.v1.ValidatingAdmissionPolicy"
_COLUMNS = (
    NAME,
    Column(
        "Validations",
        type="integer",
        description="Validations indicates the number of validation rules defined in this configuration",
    ),
    PARAM_KIND,
    AGE,
)


def _cells(obj: Obj, now: datetime) -> list[Any]:
    spec = obj["spec"]
    return [obj["metadata"]["name"], len(spec.get("validations") or ()), param_kind(spec), age(obj, now)]


def _validate_update(new: Obj, _old: Obj) -> list[FieldError]:
    return validate_validating_policy(new)


def _validate_status(new: Obj, _old: Obj) -> list[FieldError]:
    status = new.get("status") or {}
    errors: list[FieldError] = []
    for index, warning in enumerate((status.get("typeChecking") or {}).get("expressionWarnings") or ()):
        at = f"status.typeChecking.expressionWarnings[{index}]"
        errors += [required(f"{at}.{key}") for key in ("warning", "fieldRef") if not warning.get(key, "").strip()]
    return errors + validate_conditions(status.get("conditions"), "status.conditions")


RESOURCES = (
    Resource(
        group="admissionregistration.k8s.io",
        version="v1",
        kind="ValidatingAdmissionPolicy",
        plural="validatingadmissionpolicies",
        singular="validatingadmissionpolicy",
        type_name=_TYPE,
        namespaced=False,
        categories=("api-extensions",),
        strategy=Strategy(
            default=default_policy,
            prepare_create=reset_status(_TYPE),
            prepare_update=keep_status,
            validate=validate_validating_policy,
            validate_update=_validate_update,
            has_generation=True,
            unconditional_update=False,
            reset_fields=RESET_STATUS,
        ),
        subresources=(
            Subresource(
                name="status",
                kind="ValidatingAdmissionPolicy",
                strategy=status_strategy(
                    default=default_policy,
                    prepare_update=keep_spec_and_metadata,
                    validate_update=_validate_status,
                    reset_fields=frozenset({("metadata",), ("spec",)}),
                ),
            ),
        ),
        columns=_COLUMNS,
        cells=_cells,
        storage_version_hash="6OxvlMmQ6is=",
    ),
)
