"""Authorization by another server (SubjectAccessReview): of a flag, or one of several in an AuthorizationConfiguration.

https://kubernetes.io/docs/reference/access-authn-authz/webhook/
"""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from minik.server.apiserver.attributes import Attributes, Decision
from minik.server.apiserver.authz.access_review import access_review_spec, condition_variables

if TYPE_CHECKING:
    from minik.server.apiserver.webhooks.kubeconfig_webhook import KubeconfigWebhook

log = logging.getLogger("minik.apiserver.authz")

_KEPT = 4096  # answers
_LONGEST_KEY = 10_000  # bytes of a question that is worth remembering, as upstream
_NO_OPINION = Decision(False)


@dataclass(frozen=True, slots=True)
class WebhookSettings:
    """`allowed_for`, `refused_for`: seconds an answer is believed. `deny`: what cannot be asked is denied.

    `conditions`: CEL expressions over `request`; the webhook is asked when all are true.
    """

    name: str = ""
    version: str = "v1"
    allowed_for: float = 300.0
    refused_for: float = 30.0
    deny: bool = False
    conditions: Sequence[str] = ()


class WebhookAuthorizer:
    """A Remote (authorizer.py). Without an answer it has no opinion, unless its settings say to deny."""

    def __init__(
        self,
        webhook: "KubeconfigWebhook",
        settings: WebhookSettings | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._webhook = webhook
        self._settings = settings or WebhookSettings()
        self._clock = clock
        self._recent: dict[tuple[Any, ...], tuple[float, Decision]] = {}

    async def ask(self, attributes: Attributes) -> Decision:
        settings = self._settings
        if settings.conditions:
            try:
                if not self._meant(attributes):
                    return _NO_OPINION
            except ValueError as error:
                log.warning("a match condition of authorizer %s fails: %s", settings.name, error)
                return Decision(False, str(error), denied=True) if settings.deny else _NO_OPINION
        spec = access_review_spec(attributes, settings.version)
        key = _key(spec)
        recent = self._recent.get(key)
        if recent is not None and self._clock() < recent[0]:
            return recent[1]
        api_version = f"authorization.k8s.io/{settings.version}"
        review = {"kind": "SubjectAccessReview", "apiVersion": api_version, "metadata": {}, "spec": spec}
        try:
            status = _status(await self._webhook.post(review))
        except (ConnectionError, ValueError) as error:
            log.warning("the authorization webhook %s cannot be asked: %s", settings.name, error)
            return Decision(False, str(error), denied=True) if settings.deny else _NO_OPINION
        decision = _decision(status)
        seconds = settings.allowed_for if decision.allowed else settings.refused_for
        if seconds > 0 and len(str(key)) <= _LONGEST_KEY:
            if len(self._recent) >= _KEPT:
                self._recent.clear()
            self._recent[key] = (self._clock() + seconds, decision)
        return decision

    def _meant(self, attributes: Attributes) -> bool:
        """One condition that is false outweighs others that fail. Raises ValueError."""
        from minik.api.cel.engine import CelError, compile_dynamic  # only who uses CEL needs the engine

        variables, failure = condition_variables(attributes), ""
        for expression in self._settings.conditions:
            try:
                if compile_dynamic(expression, ("request",)).evaluate(variables) is not True:
                    return False
            except CelError as error:
                failure = f"{expression}: {error}"
        if failure:
            raise ValueError(failure)
        return True

    async def close(self) -> None:
        await self._webhook.close()


def _status(answer: object) -> dict[str, Any]:
    status = answer.get("status") if isinstance(answer, dict) else None
    if not isinstance(status, dict):
        raise ValueError("the answer is no SubjectAccessReview")
    if status.get("allowed") and status.get("denied"):
        raise ValueError("webhook subject access review returned both allow and deny response")
    return status


def _decision(status: dict[str, Any]) -> Decision:
    allowed = status.get("allowed") is True
    return Decision(allowed, str(status.get("reason") or ""), denied=status.get("denied") is True)


def _key(value: Any) -> Any:
    """Something hashable that is equal when `value` is."""
    if isinstance(value, dict):
        return tuple((key, _key(item)) for key, item in value.items())
    return tuple(_key(item) for item in value) if isinstance(value, list) else value
