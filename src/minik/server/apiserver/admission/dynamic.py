"""Admission that users configure: policies and webhooks, put together.

Their configurations are followed in memory; as long as there are none, a write pays for a look at an empty index.
https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import NamedTuple

from minik.api.scheme import Scheme
from minik.api.types import GVR
from minik.server.apiserver.admission.conditions import WebhookConditions
from minik.server.apiserver.admission.expressions import Inputs
from minik.server.apiserver.admission.matching import Matcher
from minik.server.apiserver.admission.plugin import Plugin
from minik.server.apiserver.admission.policies import configuration as policies
from minik.server.apiserver.admission.policies.mutating import MutatingAdmissionPolicy
from minik.server.apiserver.admission.policies.params import Params
from minik.server.apiserver.admission.policies.selection import Selection
from minik.server.apiserver.admission.policies.validating import ValidatingAdmissionPolicy
from minik.server.apiserver.admission.webhooks import configuration as webhooks
from minik.server.apiserver.admission.webhooks.caller import WebhookCaller
from minik.server.apiserver.admission.webhooks.mutating import MutatingAdmissionWebhook
from minik.server.apiserver.admission.webhooks.validating import ValidatingAdmissionWebhook
from minik.server.apiserver.attributes import Authorize
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

    def __init__(self, objects: Reader, scheme: Scheme, authorize: Authorize) -> None:
        matcher = Matcher(objects, scheme)
        inputs, params = Inputs(matcher, authorize), Params(objects, scheme)
        self.client = WebhookClient(objects)
        caller = WebhookCaller(matcher, self.client, WebhookConditions(inputs))
        mutating, validating = webhooks.Webhooks(matcher), webhooks.Webhooks(matcher)
        changing = policies.Policies(matcher, policies.MUTATING)
        judging = policies.Policies(matcher, policies.VALIDATING)
        self.plugins: list[Plugin] = [
            MutatingAdmissionPolicy(Selection(changing, matcher, params), inputs),
            MutatingAdmissionWebhook(mutating, caller),
            ValidatingAdmissionPolicy(Selection(judging, matcher, params), inputs),
            ValidatingAdmissionWebhook(validating, caller),
        ]
        self.indexes = [
            Index(
                "mutating-policies",
                (policies.MUTATING, policies.MUTATING_BINDINGS),
                changing.reset,
                changing.change,
            ),
            Index("mutating-webhooks", (webhooks.MUTATING,), mutating.reset, mutating.change),
            Index(
                "validating-policies",
                (policies.VALIDATING, policies.VALIDATING_BINDINGS),
                judging.reset,
                judging.change,
            ),
            Index("validating-webhooks", (webhooks.VALIDATING,), validating.reset, validating.change),
        ]

    async def run(self, ready: asyncio.Event) -> None:
        ready.set()
        try:
            await asyncio.Event().wait()
        finally:
            await self.client.close()
