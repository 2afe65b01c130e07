"""MutatingAdmissionPolicyBinding (admissionregistration.k8s.io/v1, v1beta1, v1alpha1): where a policy holds."""

from minik.api.groups.admissionregistration.policy_fields import BINDING_COLUMNS, binding_cells, default_binding
from minik.api.groups.admissionregistration.policy_validation import validate_mutating_binding
from minik.api.scheme import Resource, Strategy
from minik.api.types import GVR, Obj
from minik.api.validation import FieldError

_STORED = "v1beta1"


def _validate_update(new: Obj, _old: Obj) -> list[FieldError]:
    return validate_mutating_binding(new)


def _resource(version: str) -> Resource:
    storage = GVR("admissionregistration.k8s.io", _STORED, "mutatingadmissionpolicybindings")
    return Resource(
        group="admissionregistration.k8s.io",
        version=version,
        kind="MutatingAdmissionPolicyBinding",
        plural="mutatingadmissionpolicybindings",
        singular="mutatingadmissionpolicybinding",
        type_name=f"io.k8s.api.admissionregistration.{version}.MutatingAdmissionPolicyBinding",
        namespaced=False,
        categories=("api-extensions",),
        strategy=Strategy(
            default=default_binding,
            validate=validate_mutating_binding,
            validate_update=_validate_update,
            has_generation=True,
            unconditional_update=False,
        ),
        columns=BINDING_COLUMNS,
        cells=binding_cells,
        storage=None if version == _STORED else storage,
        storage_version_hash="90V5FRZZ3Zg=",
    )


RESOURCES = (_resource("v1"), _resource("v1beta1"), _resource("v1alpha1"))
