"""MutatingAdmissionPolicy (admissionregistration.k8s.io/v1, v1beta1, v1alpha1): CEL expressions that change writes.

Behaviour: https://kubernetes.io/docs/reference/access-authn-authz/mutating-admission-policy/
"""

from datetime import datetime
from typing import Any

from minik.api.columns import AGE, NAME, age
from minik.api.groups.admissionregistration.policy_fields import PARAM_KIND, default_policy, param_kind
from minik.api.groups.admissionregistration.policy_validation import validate_mutating_policy
from minik.api.scheme import Column, Resource, Strategy
from minik.api.types import GVR, Obj
from minik.api.validation import FieldError

_STORED = "v1beta1"
_COLUMNS = (
    NAME,
    Column(
        "Mutations",
        type="integer",
        description="Mutation indicates the number of mutations rules defined in this configuration",
    ),
    PARAM_KIND,
    AGE,
)


def _cells(obj: Obj, now: datetime) -> list[Any]:
    spec = obj["spec"]
    return [obj["metadata"]["name"], len(spec.get("mutations") or ()), param_kind(spec), age(obj, now)]


def _validate_update(new: Obj, _old: Obj) -> list[FieldError]:
    return validate_mutating_policy(new)


def _resource(version: str) -> Resource:
    storage = GVR("admissionregistration.k8s.io", _STORED, "mutatingadmissionpolicies")
    return Resource(
        group="admissionregistration.k8s.io",
        version=version,
        kind="MutatingAdmissionPolicy",
        plural="mutatingadmissionpolicies",
        singular="mutatingadmissionpolicy",
        type_name=f"io.k8s.api.admissionregistration.{version}.MutatingAdmissionPolicy",
        namespaced=False,
        categories=("api-extensions",),
        strategy=Strategy(
            default=default_policy,
            validate=validate_mutating_policy,
            validate_update=_validate_update,
            has_generation=True,
            unconditional_update=False,
        ),
        columns=_COLUMNS,
        cells=_cells,
        storage=None if version == _STORED else storage,
        storage_version_hash="LYmCf+UMVdg=",
    )


RESOURCES = (_resource("v1"), _resource("v1beta1"), _resource("v1alpha1"))
