"""The authorization chain: system:masters, then the authorizers in their order; and how a refusal reads.

https://kubernetes.io/docs/reference/access-authn-authz/authorization/
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Protocol

from minik.api.status import StatusError, forbidden
from minik.server.apiserver.attributes import Attributes, Decision

if TYPE_CHECKING:
    from prometheus_client.core import Metric

ALLOWED = Decision(True)
_SUPERUSERS = "system:masters"


class Immediate(Protocol):
    """An authorizer that knows the answer: Node, RBAC."""

    def decide(self, attributes: Attributes) -> Decision: ...


class Remote(Protocol):
    """An authorizer that has to ask."""

    async def ask(self, attributes: Attributes) -> Decision: ...


class Always:
    """AlwaysAllow, AlwaysDeny (which has no opinion, with a reason)."""

    def __init__(self, allowed: bool) -> None:
        self._decision = ALLOWED if allowed else Decision(False, "Everything is forbidden.")

    def decide(self, _attributes: Attributes) -> Decision:
        return self._decision


class Authorizer:
    """The first authorizer that allows or denies wins; the reasons of the others are shown to whom all refuse.

    `steps` may be replaced while the server runs.
    """

    def __init__(self, *steps: Immediate | Remote) -> None:
        self.steps: Sequence[Immediate | Remote] = steps
        self.attempts = {"allowed": 0, "denied": 0, "no-opinion": 0, "error": 0}

    async def authorize(self, attributes: Attributes) -> Decision:
        try:
            decision = await self._decide(attributes)
        except Exception:
            self.attempts["error"] += 1
            raise
        self.attempts["allowed" if decision.allowed else "denied" if decision.denied else "no-opinion"] += 1
        return decision

    async def _decide(self, attributes: Attributes) -> Decision:
        if _SUPERUSERS in attributes.user.groups:
            return ALLOWED
        reasons: list[str] = []
        for step in self.steps:
            decide = getattr(step, "decide", None)
            decision: Decision = decide(attributes) if decide is not None else await step.ask(attributes)  # type: ignore[union-attr]
            if decision.allowed or decision.denied:
                return decision
            if decision.reason:
                reasons.append(decision.reason)
        return Decision(False, "\n".join(reasons))

    def collect(self) -> Iterator["Metric"]:
        """authorization_attempts_total, for prometheus_client."""
        from prometheus_client.core import CounterMetricFamily

        total = CounterMetricFamily(
            "authorization_attempts_total",
            "Counter of authorization attempts broken down by result.",
            labels=("result",),
        )
        for result, count in self.attempts.items():
            total.add_metric((result,), count)
        yield total


def _sanitized(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def refusal(attributes: Attributes, reason: str = "") -> StatusError:
    """The 403 for a request that authorization refused; browsers take it for no HTML."""
    user = attributes.user.name
    if not attributes.resource_request:
        text = _sanitized(f'User "{user}" cannot {attributes.verb} path "{attributes.path}"')
        return forbidden("", "", "", f"{text}: {reason}" if reason else text)
    resource = attributes.resource
    if attributes.subresource:
        resource = f"{resource}/{attributes.subresource}"
    scope = f'in the namespace "{attributes.namespace}"' if attributes.namespace else "at the cluster scope"
    text = f'User "{user}" cannot {attributes.verb} resource "{resource}" in API group "{attributes.api_group}" {scope}'
    text = _sanitized(text)
    if reason:
        text = f"{text}: {reason}"
    return forbidden(attributes.api_group, attributes.resource, attributes.name, text)
