"""ValidatingAdmissionPolicyBinding (admissionregistration.k8s.io/v1): where a policy holds, and what follows."""

from minik.api.groups.admissionregistration.policy_fields import BINDING_COLUMNS, binding_cells, default_binding
from minik.api.groups.admissionregistration.policy_validation import validate_validating_binding
from minik.api.scheme import Resource, Strategy
from minik.api.types import Obj
from minik.api.validation import FieldError


def _validate_update(new: Obj, _old: Obj) -> list[FieldError]:
    return validate_validating_binding(new)


RESOURCES = (
    Resource(
        group="admissionregistration.k8s.io",
        version="v1",
        kind="ValidatingAdmissionPolicyBinding",
        plural="validatingadmissionpolicybindings",
        singular="validatingadmissionpolicybinding",
        type_name="io.k8s.api.admissionregistration.v1.ValidatingAdmissionPolicyBinding",
        namespaced=False,
        categories=("api-extensions",),
        strategy=Strategy(
            default=default_binding,
            validate=validate_validating_binding,
            validate_update=_validate_update,
            has_generation=True,
            unconditional_update=False,
        ),
        columns=BINDING_COLUMNS,
        cells=binding_cells,
        storage_version_hash="v9715VZqakg=",
    ),
)
