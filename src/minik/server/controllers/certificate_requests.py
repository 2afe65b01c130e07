"""Approves kubelets' requests for client certificates, signs approved requests, and deletes old ones.

Who may have a request approved by itself is RBAC's to say (the subresources nodeclient and selfnodeclient).
Requests to kubernetes.io/legacy-unknown are for the user to sign.
https://kubernetes.io/docs/reference/access-authn-authz/certificate-signing-requests/
"""

import asyncio
import base64
from collections.abc import Mapping
from datetime import timedelta

from minik.api.types import Obj
from minik.client.client import Client
from minik.client.clock import format_time
from minik.client.controller import Controller
from minik.client.resources import CERTIFICATE_SIGNING_REQUESTS, SUBJECT_ACCESS_REVIEWS
from minik.server import certificate_requests as signers
from minik.server.certificates import KeyPair, certificate_pem
from minik.server.controllers import certificate_requests_plan as rules
from minik.server.controllers.context import ControllerContext
from minik.server.pki import load_authority

_SELF = ("selfnodeclient", "Auto approving self kubelet client certificate after SubjectAccessReview.")
_OTHER = ("nodeclient", "Auto approving kubelet client certificate after SubjectAccessReview.")


class CertificateApprover(Controller):
    name = "certificate-controller"
    workers = 1

    def __init__(self, context: ControllerContext) -> None:
        super().__init__(clock=context.clock)
        self._client: Client = context.client_for(self.name)
        self._requests = self.watch(context.informers.of(CERTIFICATE_SIGNING_REQUESTS))

    async def reconcile(self, key: str) -> float | None:
        request = self._requests.get(key)
        if request is None or rules.is_decided(request) or rules.has_certificate(request):
            return None
        if request["spec"]["signerName"] != signers.KUBELET_CLIENT:
            return None
        asked = signers.parse(base64.b64decode(request["spec"]["request"]))
        if signers.refusal(signers.KUBELET_CLIENT, asked, request["spec"].get("usages") or ()):
            return None
        for_itself = request["spec"].get("username") == signers.common_name(asked)
        for subresource, message in [_SELF, _OTHER] if for_itself else [_OTHER]:
            if await self._may(request, subresource):
                await self._approve(request, message)
                break
        return None

    async def _may(self, request: Obj, subresource: str) -> bool:
        spec = request["spec"]
        attributes = {
            "group": CERTIFICATE_SIGNING_REQUESTS.group,
            "resource": CERTIFICATE_SIGNING_REQUESTS.resource,
            "subresource": subresource,
            "verb": "create",
            "version": "*",
        }
        who = {"user": spec.get("username", ""), "uid": spec.get("uid", ""), "groups": spec.get("groups") or []}
        review = {
            "apiVersion": SUBJECT_ACCESS_REVIEWS.api_version,
            "kind": "SubjectAccessReview",
            "metadata": {},
            "spec": {**who, "extra": spec.get("extra") or {}, "resourceAttributes": attributes},
        }
        answer = await self._client.create(SUBJECT_ACCESS_REVIEWS, review)
        return bool(answer["status"].get("allowed"))

    async def _approve(self, request: Obj, message: str) -> None:
        approval = {"type": "Approved", "status": "True", "reason": "AutoApproved", "message": message}
        await self._client.update(
            CERTIFICATE_SIGNING_REQUESTS, with_condition(request, approval), subresource="approval"
        )


class CertificateSigner(Controller):
    """Kubelets' serving certificates come from the CA that verifies servers, the others from the clients' CA."""

    name = "certificate-signing-controller"
    workers = 1

    def __init__(self, context: ControllerContext) -> None:
        super().__init__(clock=context.clock)
        self._client: Client = context.client_for("certificate-controller")
        settings = context.settings
        self._authorities: Mapping[str, KeyPair | None] = {
            signers.API_SERVER_CLIENT: settings.client_ca,
            signers.KUBELET_CLIENT: settings.client_ca,
            signers.KUBELET_SERVING: settings.server_ca,
        }
        self._requests = self.watch(context.informers.of(CERTIFICATE_SIGNING_REQUESTS))

    async def reconcile(self, key: str) -> float | None:
        request = self._requests.get(key)
        if request is None or not rules.is_to_be_signed(request):
            return None
        pair = self._authorities.get(request["spec"]["signerName"])
        if pair is not None:
            changed = await asyncio.to_thread(self._signed, request, pair)
            await self._client.update(CERTIFICATE_SIGNING_REQUESTS, changed, subresource="status")
        return None

    def _signed(self, request: Obj, pair: KeyPair) -> Obj:
        """The request with its certificate, or with the condition Failed. Blocking."""
        spec, now = request["spec"], self.clock.now()
        asked, usages = signers.parse(base64.b64decode(spec["request"])), spec.get("usages") or ()
        problem = signers.refusal(spec["signerName"], asked, usages)
        if problem:
            moment = format_time(now)
            failed = {"type": "Failed", "status": "True", "reason": "SignerValidationFailure", "message": problem}
            return with_condition(request, {**failed, "lastUpdateTime": moment})
        seconds = spec.get("expirationSeconds")
        lifetime = None if seconds is None else timedelta(seconds=seconds)
        certificate = signers.sign(load_authority(pair), asked, usages, lifetime, now)
        text = base64.b64encode(certificate_pem(certificate)).decode()
        return {**request, "status": {**(request.get("status") or {}), "certificate": text}}


class CertificateCleaner(Controller):
    name = "certificate-signing-request-cleaner"
    workers = 1

    def __init__(self, context: ControllerContext) -> None:
        super().__init__(clock=context.clock)
        self._client: Client = context.client_for("certificate-controller")
        self._requests = self.watch(context.informers.of(CERTIFICATE_SIGNING_REQUESTS))

    async def reconcile(self, key: str) -> float | None:
        request = self._requests.get(key)
        until = rules.kept_until(request) if request is not None else None
        if request is None or until is None:
            return None
        left = (until - self.clock.now()).total_seconds()
        if left > 0:
            return left
        await self._client.delete(CERTIFICATE_SIGNING_REQUESTS, key, uid=request["metadata"]["uid"])
        return None


def with_condition(request: Obj, condition: Obj) -> Obj:
    status = request.get("status") or {}
    return {**request, "status": {**status, "conditions": [*(status.get("conditions") or ()), condition]}}
