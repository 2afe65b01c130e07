"""Authorization by another server (SubjectAccessReview), for --authorization-webhook-config-file.

https://kubernetes.io/docs/reference/access-authn-authz/webhook/
"""

import logging
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from minik.api.types import Obj
from minik.server.apiserver.attributes import Attributes, Decision

if TYPE_CHECKING:
    from minik.server.apiserver.webhooks.kubeconfig_webhook import KubeconfigWebhook

log = logging.getLogger("minik.apiserver.authz")

_ALLOWED_FOR, _REFUSED_FOR = 300.0, 30.0  # seconds, kube-apiserver's --authorization-webhook-cache-*-ttl
_KEPT = 4096  # answers


class WebhookAuthorizer:
    """Asked last. Without an answer it has no opinion."""

    def __init__(self, webhook: "KubeconfigWebhook", *, clock: Callable[[], float] = time.monotonic) -> None:
        self._webhook = webhook
        self._clock = clock
        self._recent: dict[tuple[Any, ...], tuple[float, Decision]] = {}

    async def decide(self, attributes: Attributes) -> Decision:
        spec = access_review_spec(attributes)
        key = _key(spec)
        recent = self._recent.get(key)
        if recent is not None and self._clock() < recent[0]:
            return recent[1]
        review = {"kind": "SubjectAccessReview", "apiVersion": "authorization.k8s.io/v1", "metadata": {}, "spec": spec}
        try:
            answer = await self._webhook.post(review)
        except ConnectionError as error:
            log.warning("the authorization webhook cannot be asked: %s", error)
            return Decision(False)
        status = answer.get("status") if isinstance(answer, dict) else None
        if not isinstance(status, dict):
            return Decision(False)
        allowed = status.get("allowed") is True and status.get("denied") is not True
        decision = Decision(allowed, str(status.get("reason") or ""))
        if len(self._recent) >= _KEPT:
            self._recent.clear()
        self._recent[key] = (self._clock() + (_ALLOWED_FOR if allowed else _REFUSED_FOR), decision)
        return decision

    async def close(self) -> None:
        await self._webhook.close()


def access_review_spec(attributes: Attributes) -> Obj:
    user = attributes.user
    if attributes.resource_request:
        asked = {
            "namespace": attributes.namespace,
            "verb": attributes.verb,
            "group": attributes.api_group,
            "version": attributes.api_version,
            "resource": attributes.resource,
            "subresource": attributes.subresource,
            "name": attributes.name,
        }
        spec: Obj = {"resourceAttributes": {key: value for key, value in asked.items() if value}}
    else:
        spec = {"nonResourceAttributes": {"path": attributes.path, "verb": attributes.verb}}
    spec["user"] = user.name
    if user.uid:
        spec["uid"] = user.uid
    if user.groups:
        spec["groups"] = list(user.groups)
    if user.extra:
        spec["extra"] = {key: list(values) for key, values in user.extra.items()}
    return spec


def _key(value: Any) -> Any:
    """Something hashable that is equal when `value` is."""
    if isinstance(value, dict):
        return tuple((key, _key(item)) for key, item in value.items())
    return tuple(value) if isinstance(value, list) else value
