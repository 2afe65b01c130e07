"""ValidatingAdmissionPolicyBinding (admissionregistration.k8s.io/v1)."""

from minik.api.scheme import Resource, Strategy

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
        strategy=Strategy(has_generation=True),
        storage_version_hash="v9715VZqakg=",
    ),
)
