"""MutatingWebhookConfiguration (admissionregistration.k8s.io/v1): webhooks that may change what is written."""

from minik.api.groups.admissionregistration.webhook_fields import COLUMNS, cells, default_webhooks, webhook_strategy
from minik.api.scheme import Resource
from minik.api.types import Obj


def _default(obj: Obj) -> None:
    default_webhooks(obj)
    for hook in obj.get("webhooks") or ():
        if hook.get("reinvocationPolicy") is None:
            hook["reinvocationPolicy"] = "Never"


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
        strategy=webhook_strategy(_default),
        columns=COLUMNS,
        cells=cells,
        storage_version_hash="Sqi0GUgDaX0=",
    ),
)
