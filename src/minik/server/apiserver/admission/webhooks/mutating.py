"""MutatingAdmissionWebhook: one webhook after the other may change the object, by JSON patch.

https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/
"""

from typing import Any

import orjson

from minik.api.patch import json_patch_failure
from minik.api.patch.json_patch_failure import PatchFailed
from minik.api.schema import decode
from minik.api.scheme import Resource
from minik.api.status import StatusError, internal_error
from minik.server.apiserver.admission.attributes import AdmissionAttributes
from minik.server.apiserver.admission.matching import is_exempt
from minik.server.apiserver.admission.plugin import CONNECT, CREATE, DELETE, UPDATE, Plugin
from minik.server.apiserver.admission.reinvocation import CallerMemory
from minik.server.apiserver.admission.replacement import carries_own_kind, replace_object
from minik.server.apiserver.admission.versions import Conversions
from minik.server.apiserver.admission.webhooks.caller import CallFailed, WebhookCaller
from minik.server.apiserver.admission.webhooks.configuration import Webhook, Webhooks
from minik.server.apiserver.registry.shapes import shape_of

_FAILED_OPEN = "failed-open.mutation.webhook.admission.k8s.io"
PATCH_ANNOTATION = "patch.webhook.admission.k8s.io"
_MUTATION = "mutation.webhook.admission.k8s.io"


class MutatingAdmissionWebhook(Plugin):
    name = "MutatingAdmissionWebhook"
    operations = frozenset({CREATE, UPDATE, DELETE, CONNECT})
    resources = None

    def __init__(self, webhooks: Webhooks, conversions: Conversions, caller: WebhookCaller) -> None:
        self._webhooks = webhooks
        self._conversions = conversions
        self._caller = caller

    async def mutate(self, attributes: AdmissionAttributes) -> None:
        if not self._webhooks or is_exempt(attributes):
            return
        hooks = self._webhooks.may_concern(attributes)
        if not hooks:
            return
        memory = attributes.reinvocation.memory(self.name)
        if attributes.reinvocation.again:
            memory.began(attributes.obj)
        try:
            for webhook in hooks:
                await self._call(webhook, attributes, memory)
        finally:
            memory.seen(attributes.obj)

    async def _call(self, webhook: Webhook, attributes: AdmissionAttributes, memory: CallerMemory) -> None:
        resource = await self._caller.resource_for(webhook, attributes, mutating=True)
        again = attributes.reinvocation.again
        if resource is None or (again and webhook not in memory.due):
            return
        memory.due.discard(webhook)
        where = f"round_{int(again)}_index_{self._webhooks.place(webhook)}"
        annotation = {"configuration": webhook.configuration, "webhook": webhook.name}
        changed = False
        try:
            said = await self._caller.ask(webhook, attributes, resource, mutating=True)
            if said.patch:
                changed = await self._patch(attributes, resource, said.patch, webhook)
                patch = {**annotation, "patch": said.patch, "patchType": "JSONPatch"}
                attributes.annotations[f"{PATCH_ANNOTATION}/{where}"] = orjson.dumps(patch).decode()
        except CallFailed as failure:
            if not webhook.ignore_failures:
                raise internal_error(str(failure)) from None
            attributes.annotations[f"{_FAILED_OPEN}/{where}"] = webhook.name
        finally:
            mutated = {**annotation, "mutated": changed}
            attributes.annotations[f"{_MUTATION}/{where}"] = orjson.dumps(mutated).decode()
        if changed:
            memory.changed()
            attributes.reinvocation.wanted = True
        if webhook.reinvoke:
            memory.ran(webhook)

    async def _patch(
        self, attributes: AdmissionAttributes, resource: Resource, patch: list[Any], webhook: Webhook
    ) -> bool:
        """Change the object as the webhook, which saw it as one of `resource`, wants. Tells whether it differs now."""
        if attributes.obj is None:
            raise internal_error(
                f'admission webhook "{webhook.name}" attempted to modify the object, '
                "which is not supported for this operation"
            )
        convert = self._conversions.convert
        seen = await convert(attributes.obj, attributes.resource, resource)
        assert seen is not None
        try:
            patched = json_patch_failure.apply(seen, patch)
            if carries_own_kind(attributes):
                patched = {"kind": resource.kind, "apiVersion": resource.api_version} | decode.prune(
                    patched, shape_of(resource)
                )
        except PatchFailed as error:
            raise internal_error(str(error)) from None
        except StatusError as error:
            raise internal_error(error.message) from None
        return replace_object(attributes, await convert(patched, resource, attributes.resource))
