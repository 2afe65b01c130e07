"""MutatingAdmissionPolicy (admissionregistration.k8s.io/v1, v1beta1, v1alpha1)."""

from minik.api.scheme import Resource, Strategy
from minik.api.types import GVR

RESOURCES = (
    Resource(
        group="admissionregistration.k8s.io",
        version="v1",
        kind="MutatingAdmissionPolicy",
        plural="mutatingadmissionpolicies",
        singular="mutatingadmissionpolicy",
        type_name="io.k8s.api.admissionregistration.v1.MutatingAdmissionPolicy",
        namespaced=False,
        categories=("api-extensions",),
        strategy=Strategy(has_generation=True),
        storage=GVR("admissionregistration.k8s.io", "v1beta1", "mutatingadmissionpolicies"),
        storage_version_hash="LYmCf+UMVdg=",
    ),
    Resource(
        group="admissionregistration.k8s.io",
        version="v1beta1",
        kind="MutatingAdmissionPolicy",
        plural="mutatingadmissionpolicies",
        singular="mutatingadmissionpolicy",
        type_name="io.k8s.api.admissionregistration.v1beta1.MutatingAdmissionPolicy",
        namespaced=False,
        categories=("api-extensions",),
        strategy=Strategy(has_generation=True),
        storage_version_hash="LYmCf+UMVdg=",
    ),
    Resource(
        group="admissionregistration.k8s.io",
        version="v1alpha1",
        kind="MutatingAdmissionPolicy",
        plural="mutatingadmissionpolicies",
        singular="mutatingadmissionpolicy",
        type_name="io.k8s.api.admissionregistration.v1alpha1.MutatingAdmissionPolicy",
        namespaced=False,
        categories=("api-extensions",),
        strategy=Strategy(has_generation=True),
        storage=GVR("admissionregistration.k8s.io", "v1beta1", "mutatingadmissionpolicies"),
        storage_version_hash="LYmCf+UMVdg=",
    ),
)
