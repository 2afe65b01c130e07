"""ValidatingAdmissionPolicy (admissionregistration.k8s.io/v1)."""

from minik.api.scheme import Resource, Strategy, Subresource

RESOURCES = (
    Resource(
        group="admissionregistration.k8s.io",
        version="v1",
        kind="ValidatingAdmissionPolicy",
        plural="validatingadmissionpolicies",
        singular="validatingadmissionpolicy",
        type_name="io.k8s.api.admissionregistration.v1.ValidatingAdmissionPolicy",
        namespaced=False,
        categories=("api-extensions",),
        strategy=Strategy(has_generation=True),
        subresources=(Subresource(name="status", kind="ValidatingAdmissionPolicy"),),
        storage_version_hash="6OxvlMmQ6is=",
    ),
)
