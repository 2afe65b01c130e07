"""MutatingAdmissionPolicyBinding (admissionregistration.k8s.io/v1, v1beta1, v1alpha1)."""

from minik.api.scheme import Resource, Strategy
from minik.api.types import GVR

RESOURCES = (
    Resource(
        group="admissionregistration.k8s.io",
        version="v1",
        kind="MutatingAdmissionPolicyBinding",
        plural="mutatingadmissionpolicybindings",
        singular="mutatingadmissionpolicybinding",
        type_name="io.k8s.api.admissionregistration.v1.MutatingAdmissionPolicyBinding",
        namespaced=False,
        categories=("api-extensions",),
        strategy=Strategy(has_generation=True),
        storage=GVR("admissionregistration.k8s.io", "v1beta1", "mutatingadmissionpolicybindings"),
        storage_version_hash="90V5FRZZ3Zg=",
    ),
    Resource(
        group="admissionregistration.k8s.io",
        version="v1beta1",
        kind="MutatingAdmissionPolicyBinding",
        plural="mutatingadmissionpolicybindings",
        singular="mutatingadmissionpolicybinding",
        type_name="io.k8s.api.admissionregistration.v1beta1.MutatingAdmissionPolicyBinding",
        namespaced=False,
        categories=("api-extensions",),
        strategy=Strategy(has_generation=True),
        storage_version_hash="90V5FRZZ3Zg=",
    ),
    Resource(
        group="admissionregistration.k8s.io",
        version="v1alpha1",
        kind="MutatingAdmissionPolicyBinding",
        plural="mutatingadmissionpolicybindings",
        singular="mutatingadmissionpolicybinding",
        type_name="io.k8s.api.admissionregistration.v1alpha1.MutatingAdmissionPolicyBinding",
        namespaced=False,
        categories=("api-extensions",),
        strategy=Strategy(has_generation=True),
        storage=GVR("admissionregistration.k8s.io", "v1beta1", "mutatingadmissionpolicybindings"),
        storage_version_hash="90V5FRZZ3Zg=",
    ),
)
