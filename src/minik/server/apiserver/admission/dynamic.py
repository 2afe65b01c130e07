"""Admission that users configure: policies and webhooks, put together.

Their configurations are followed in memory; as long as there are none, a write pays for a look at an empty index.
https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import NamedTuple

from minik.api.scheme import Scheme
from minik.api.types import GVR
from minik.server.apiserver.admission.matching import Matcher
from minik.server.apiserver.admission.plugin import Plugin
from minik.server.apiserver.admission.webhooks.caller import Conditions, WebhookCaller
from minik.server.apiserver.admission.webhooks.configuration import MUTATING, VALIDATING, Webhooks
from minik.server.apiserver.admission.webhooks.mutating import MutatingAdmissionWebhook
from minik.server.apiserver.admission.webhooks.validating import ValidatingAdmissionWebhook
from minik.server.apiserver.objects import OnChange, Reader
from minik.server.apiserver.webhooks.client import WebhookClient


class Index(NamedTuple):
    """Something that follows stored objects (Objects.follow)."""

    name: str
    resources: Sequence[GVR]
    reset: Callable[[], None]
    change: OnChange


class DynamicAdmission:
    """`plugins` in upstream's order; `indexes` are to be kept in step; as a component it closes connections."""

    name = "webhook-client"

    def __init__(self, objects: Reader, scheme: Scheme, conditions: Conditions) -> None:
        matcher = Matcher(objects, scheme)
        self.client = WebhookClient(objects)
        caller = WebhookCaller(matcher, self.client, conditions)
        mutating, validating = Webhooks(matcher), Webhooks(matcher)
        self.plugins: list[Plugin] = [
            MutatingAdmissionWebhook(mutating, caller),
            ValidatingAdmissionWebhook(validating, caller),
        ]
        self.indexes = [
            Index("mutating-webhooks", (MUTATING,), mutating.reset, mutating.change),
            Index("validating-webhooks", (VALIDATING,), validating.reset, validating.change),
        ]

    async def run(self, ready: asyncio.Event) -> None:
        ready.set()
        try:
            await asyncio.Event().wait()
        finally:
            await self.client.close()
