"""ValidatingWebhookConfiguration (admissionregistration.k8s.io/v1)."""

from minik.api.scheme import Resource

RESOURCES = (
    Resource(
        group="admissionregistration.k8s.io",
        version="v1",
        kind="ValidatingWebhookConfiguration",
        plural="validatingwebhookconfigurations",
        singular="validatingwebhookconfiguration",
        type_name="io.k8s.api.admissionregistration.v1.ValidatingWebhookConfiguration",
        namespaced=False,
        categories=("api-extensions",),
        storage_version_hash="B0wHjQmsGNk=",
    ),
)
