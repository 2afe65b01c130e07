"""The authorization chain: system:masters, the Node authorizer, RBAC, a webhook; and how a refusal reads.

https://kubernetes.io/docs/reference/access-authn-authz/authorization/
"""

from typing import TYPE_CHECKING

from minik.api.status import StatusError, forbidden
from minik.server.apiserver.attributes import Attributes, Decision
from minik.server.apiserver.authz.node import NodeAuthorizer
from minik.server.apiserver.authz.rbac import RbacAuthorizer

if TYPE_CHECKING:
    from minik.server.apiserver.authz.webhook import WebhookAuthorizer

_ALLOWED = Decision(True)


class Authorizer:
    """The first authorizer that allows wins; the reasons of the others are shown to whom all of them refuse."""

    def __init__(self, node: NodeAuthorizer, rbac: RbacAuthorizer, webhook: "WebhookAuthorizer | None" = None) -> None:
        self._node = node
        self._rbac = rbac
        self._webhook = webhook

    async def authorize(self, attributes: Attributes) -> Decision:
        decision = self.decide(attributes)
        if decision.allowed or self._webhook is None:
            return decision
        by_webhook = await self._webhook.decide(attributes)
        if by_webhook.allowed or not decision.reason:
            return by_webhook
        return Decision(False, "\n".join(filter(None, (decision.reason, by_webhook.reason))))

    def decide(self, attributes: Attributes) -> Decision:
        if "system:masters" in attributes.user.groups:
            return _ALLOWED
        by_node = self._node.decide(attributes)
        if by_node.allowed:
            return by_node
        by_rbac = self._rbac.decide(attributes)
        if by_rbac.allowed or not by_node.reason:
            return by_rbac
        return Decision(False, "\n".join(filter(None, (by_node.reason, by_rbac.reason))))


def refusal(attributes: Attributes, reason: str = "") -> StatusError:
    """The 403 for a request that authorization refused."""
    user = attributes.user.name
    if not attributes.resource_request:
        text = f'User "{user}" cannot {attributes.verb} path "{attributes.path}"'
        return forbidden("", "", "", f"{text}: {reason}" if reason else text)
    resource = attributes.resource
    if attributes.subresource:
        resource = f"{resource}/{attributes.subresource}"
    scope = f'in the namespace "{attributes.namespace}"' if attributes.namespace else "at the cluster scope"
    text = f'User "{user}" cannot {attributes.verb} resource "{resource}" in API group "{attributes.api_group}" {scope}'
    if reason:
        text = f"{text}: {reason}"
    return forbidden(attributes.api_group, attributes.resource, attributes.name, text)
