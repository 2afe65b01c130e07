"""ValidatingWebhookConfiguration (admissionregistration.k8s.io/v1): webhooks that may refuse what is written."""

from minik.api.groups.admissionregistration.webhook_fields import COLUMNS, cells, default_webhooks, webhook_strategy
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
        strategy=webhook_strategy(default_webhooks),
        columns=COLUMNS,
        cells=cells,
        storage_version_hash="B0wHjQmsGNk=",
    ),
)
