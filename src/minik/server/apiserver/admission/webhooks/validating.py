"""ValidatingAdmissionWebhook: all webhooks are asked at once, and each may refuse.

https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/
"""

import asyncio

from minik.api.scheme import Resource
from minik.api.status import StatusError, internal_error
from minik.server.apiserver.admission.attributes import AdmissionAttributes
from minik.server.apiserver.admission.matching import is_exempt
from minik.server.apiserver.admission.plugin import CONNECT, CREATE, DELETE, UPDATE, Plugin
from minik.server.apiserver.admission.webhooks.caller import CallFailed, WebhookCaller
from minik.server.apiserver.admission.webhooks.configuration import Webhook, Webhooks

_FAILED_OPEN = "failed-open.validating.webhook.admission.k8s.io"


class ValidatingAdmissionWebhook(Plugin):
    name = "ValidatingAdmissionWebhook"
    operations = frozenset({CREATE, UPDATE, DELETE, CONNECT})
    resources = None

    def __init__(self, webhooks: Webhooks, caller: WebhookCaller) -> None:
        self._webhooks = webhooks
        self._caller = caller

    async def validate(self, attributes: AdmissionAttributes) -> None:
        if not self._webhooks or is_exempt(attributes):
            return
        meant = []
        for webhook in self._webhooks.may_concern(attributes):
            resource = await self._caller.resource_for(webhook, attributes, mutating=False)
            if resource is not None:
                meant.append((webhook, resource))
        if not meant:
            return
        async with asyncio.TaskGroup() as tasks:
            answers = [
                tasks.create_task(self._ask(index, webhook, attributes, resource))
                for index, (webhook, resource) in enumerate(meant)
            ]
        for answer in answers:
            if (refusal := answer.result()) is not None:
                raise refusal

    async def _ask(
        self, index: int, webhook: Webhook, attributes: AdmissionAttributes, resource: Resource
    ) -> StatusError | None:
        """What the write fails with, if it does. The others are asked to the end, because they may warn."""
        try:
            await self._caller.ask(webhook, attributes, resource, mutating=False)
        except CallFailed as failure:
            if not webhook.ignore_failures:
                return internal_error(str(failure))
            attributes.annotations[f"{_FAILED_OPEN}/round_0_index_{index}"] = webhook.name
        except StatusError as refusal:
            return refusal
        return None
