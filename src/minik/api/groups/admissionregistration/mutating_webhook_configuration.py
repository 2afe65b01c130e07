"""MutatingWebhookConfiguration (admissionregistration.k8s.io/v1)."""

from minik.api.scheme import Resource, Strategy

RESOURCES = (
    Resource(
        group="admissionregistration.k8s.io",
        version="v1",
        kind="MutatingWebhookConfiguration",
        plural="mutatingwebhookconfigurations",
        singular="mutatingwebhookconfiguration",
        type_name="io.k8s.api.admissionregistration.v1.MutatingWebhookConfiguration",
        namespaced=False,
        categories=("api-extensions",),
        strategy=Strategy(
            has_generation=True,
            generation_changes=lambda new, old: bool(new.get("webhooks") != old.get("webhooks")),
        ),
        storage_version_hash="Sqi0GUgDaX0=",
    ),
)
