"""Admission that users configure: policies and webhooks, in upstream's order.

Each plugin is loaded with the first object that configures it (configured.py) and follows these objects from then on.
Until then a write pays for one comparison.
https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/
"""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from minik.api.scheme import Scheme
from minik.server.apiserver.admission.configuration_kinds import (
    MUTATING_BINDINGS,
    MUTATING_POLICIES,
    MUTATING_WEBHOOKS,
    VALIDATING_BINDINGS,
    VALIDATING_POLICIES,
    VALIDATING_WEBHOOKS,
)
from minik.server.apiserver.admission.metrics import AdmissionMetrics
from minik.server.apiserver.admission.on_demand import OnDemand, OnDemandMutating, OnDemandValidating
from minik.server.apiserver.attributes import Authorize
from minik.server.apiserver.objects import Reader

if TYPE_CHECKING:
    from minik.server.apiserver.admission.configured import Workshop
    from minik.server.apiserver.admission.versions import WebhookConverter


class DynamicAdmission:
    """`plugins` also have to be kept in step with what they follow. As a component it closes connections at the end."""

    name = "webhook-client"

    def __init__(
        self, objects: Reader, scheme: Scheme, authorize: Authorize, metrics: AdmissionMetrics | None = None
    ) -> None:
        self._metrics = metrics or AdmissionMetrics()
        self._objects = objects
        self._scheme = scheme
        self._authorize = authorize
        self._workshop: Workshop | None = None
        self.webhook_converter: Callable[[], WebhookConverter | None] = lambda: None  # set by who can convert
        self.plugins: list[OnDemand] = [
            OnDemandMutating(
                "MutatingAdmissionPolicy",
                (MUTATING_POLICIES, MUTATING_BINDINGS),
                lambda: self._made().mutating_policies(),
            ),
            OnDemandMutating(
                "MutatingAdmissionWebhook", (MUTATING_WEBHOOKS,), lambda: self._made().mutating_webhooks()
            ),
            OnDemandValidating(
                "ValidatingAdmissionPolicy",
                (VALIDATING_POLICIES, VALIDATING_BINDINGS),
                lambda: self._made().validating_policies(),
            ),
            OnDemandValidating(
                "ValidatingAdmissionWebhook",
                (VALIDATING_WEBHOOKS,),
                lambda: self._made().validating_webhooks(),
            ),
        ]

    def _made(self) -> "Workshop":
        if self._workshop is None:
            from minik.server.apiserver.admission.configured import Workshop
            from minik.server.apiserver.admission.versions import Conversions
            from minik.server.apiserver.webhooks.client import WebhookClient

            conversions = Conversions(lambda: self.webhook_converter())
            client = WebhookClient(self._objects)
            self._workshop = Workshop(self._objects, self._scheme, self._authorize, conversions, client, self._metrics)
        return self._workshop

    async def run(self, ready: asyncio.Event) -> None:
        ready.set()
        try:
            await asyncio.Event().wait()
        finally:
            await self.close()

    async def close(self) -> None:
        if self._workshop is not None:
            await self._workshop.client.close()
