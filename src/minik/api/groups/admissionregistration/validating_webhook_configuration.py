"""ValidatingWebhookConfiguration (admissionregistration.k8s.io/v1)."""

from minik.api.scheme import Resource, Strategy

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
        strategy=Strategy(
            has_generation=True,
            generation_changes=lambda new, old: bool(new.get("webhooks") != old.get("webhooks")),
        ),
        storage_version_hash="B0wHjQmsGNk=",
    ),
)
