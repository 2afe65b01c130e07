"""Decides whether one webhook is to be asked about a write, and asks it.

Upstream: apiserver's admission/plugin/webhook/generic, the parts that mutating and validating share.
"""

import logging
import ssl
import uuid
from dataclasses import replace
from time import perf_counter
from typing import Protocol

from minik.api.scheme import Resource
from minik.api.status import StatusError
from minik.server.apiserver.admission.attributes import AdmissionAttributes
from minik.server.apiserver.admission.matching import Matcher
from minik.server.apiserver.admission.metrics import ADMIT, VALIDATE, AdmissionMetrics
from minik.server.apiserver.admission.versions import Conversions
from minik.server.apiserver.admission.webhooks.configuration import Webhook
from minik.server.apiserver.admission.webhooks.review import (
    InvalidAnswer,
    Verdict,
    admission_request,
    decoded_patch,
    question,
    rejection,
    verdict,
)
from minik.server.apiserver.webhooks.client import Target, WebhookClient, WebhookError, target_of, tls_of

log = logging.getLogger("minik.apiserver.admission")


class Conditions(Protocol):
    """Match conditions in CEL (admission/conditions.py)."""

    async def hold(
        self, webhook: Webhook, attributes: AdmissionAttributes, resource: Resource, *, mutating: bool
    ) -> bool:
        """Raises StatusError 403 when they cannot be evaluated and the webhook insists."""
        ...


class CallFailed(Exception):
    """The webhook gave no valid answer; failurePolicy decides what that means. The text is the one to show."""

    def __init__(self, text: str, code: int = 503) -> None:
        super().__init__(text)
        self.code = code  # what is counted as the answer


class DryRunUnsupported(StatusError):
    """The webhook was not asked, because nothing may happen and it would do something."""


class WebhookCaller:
    """Asks webhooks."""

    def __init__(
        self,
        matcher: Matcher,
        conversions: Conversions,
        client: WebhookClient,
        conditions: Conditions,
        metrics: AdmissionMetrics | None = None,
    ) -> None:
        self.metrics = metrics or AdmissionMetrics()
        self._matcher = matcher
        self._conversions = conversions
        self._client = client
        self._conditions = conditions

    async def resource_for(
        self, webhook: Webhook, attributes: AdmissionAttributes, *, mutating: bool
    ) -> Resource | None:
        """The resource to ask about the write as, or None when the webhook is not meant. Raises StatusError."""
        match = self._matcher.match(webhook.criteria, attributes)
        if match is None:
            return None
        if webhook.conditions:
            meant = await self._conditions.hold(webhook, attributes, match.resource, mutating=mutating)
            if not meant:
                return None
        return match.resource

    async def ask(
        self, webhook: Webhook, attributes: AdmissionAttributes, resource: Resource, *, mutating: bool
    ) -> Verdict:
        """What an allowing webhook answers. Raises CallFailed, or StatusError when it refuses."""
        kind, operation, started = ADMIT if mutating else VALIDATE, attributes.operation.value, perf_counter()
        code, error_type = 200, ""
        try:
            return await self._ask(webhook, attributes, resource, mutating=mutating)
        except CallFailed as failure:
            code = failure.code
            if webhook.ignore_failures:
                self.metrics.failed_open(webhook.name, kind)
            else:
                error_type = "calling_webhook_error"
            raise
        except DryRunUnsupported:
            code, error_type = 0, "apiserver_internal_error"
            raise
        except StatusError as refusal:
            code, error_type = refusal.code, "no_error"
            raise
        finally:
            seconds = perf_counter() - started
            self.metrics.webhook(webhook.name, kind, operation, seconds, code=code, rejected=bool(error_type))
            if error_type:
                self.metrics.rejection(webhook.name, kind, operation, error_type, code)

    async def _ask(
        self, webhook: Webhook, attributes: AdmissionAttributes, resource: Resource, *, mutating: bool
    ) -> Verdict:
        if attributes.dry_run and not webhook.free_of_side_effects:
            raise DryRunUnsupported(400, "BadRequest", f'admission webhook "{webhook.name}" does not support dry run')
        if not webhook.review_version:
            reason = "webhook does not accept known AdmissionReview versions (v1, v1beta1)"
            raise self._failed(webhook, f"could not create admission objects: {reason}", 400)
        uid = str(uuid.uuid4())
        convert = self._conversions.convert
        obj = await convert(attributes.obj, attributes.resource, resource)
        old = await convert(attributes.old_obj, attributes.resource, resource)
        review = question(webhook.review_version, admission_request(attributes, resource, uid, obj, old))
        try:
            target, tls = _address(webhook)
        except WebhookError as error:
            raise self._failed(webhook, f"could not get REST client: {error}", error.code) from None
        try:
            answer = await self._client.post(target, tls, review, webhook.seconds)
        except WebhookError as error:
            raise self._failed(webhook, f"failed to call webhook: {error}", error.code) from None
        try:
            said = verdict(webhook.review_version, uid, answer, mutating=mutating)
        except InvalidAnswer as error:
            raise self._failed(webhook, f"received invalid webhook response: {error}") from None
        for key, value in said.annotations.items():
            attributes.annotations[f"{webhook.name}/{key}"] = value
        for text in said.warnings:
            if text not in attributes.warnings:
                attributes.warnings.append(text)
        if not said.allowed:
            raise rejection(webhook.name, said.status)
        try:
            return replace(said, patch=decoded_patch(said.encoded_patch, said.patch_type))
        except InvalidAnswer as error:
            raise self._failed(webhook, str(error)) from None

    def _failed(self, webhook: Webhook, reason: str, code: int = 503) -> CallFailed:
        failure = CallFailed(f'failed calling webhook "{webhook.name}": {reason}', code)
        log.warning("failing %s: %s", "open" if webhook.ignore_failures else "closed", failure)
        return failure


def _address(webhook: Webhook) -> tuple[Target, ssl.SSLContext]:
    """Made once per webhook: reading CAs takes a while."""
    target, tls = webhook.state.get("target"), webhook.state.get("tls")
    if not isinstance(target, Target) or not isinstance(tls, ssl.SSLContext):
        target, tls = target_of(webhook.client), tls_of(webhook.client)
        webhook.state.update(target=target, tls=tls)
    return target, tls
