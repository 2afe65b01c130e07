"""The RBAC authorizer: https://kubernetes.io/docs/reference/access-authn-authz/rbac/ ."""

from minik.server.apiserver.attributes import Attributes, Decision
from minik.server.apiserver.authz.policy import Policy


class RbacAuthorizer:
    """Allows what a role says; never denies, only has no opinion."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy

    def decide(self, attributes: Attributes) -> Decision:
        resolution = self._policy.resolve(attributes.user, attributes.namespace)
        for grant in resolution.grants:
            for rule in grant.rules:
                if rule.allows(attributes):
                    return Decision(True, grant.reason)
        problems = resolution.problems
        if not problems:
            return _NO_OPINION
        return Decision(False, f"RBAC: {problems[0] if len(problems) == 1 else '[' + ', '.join(problems) + ']'}")


_NO_OPINION = Decision(False)
