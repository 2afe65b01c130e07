"""matchConditions: CEL expressions that all must be true for a webhook or policy to be meant.

https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/#matching-requests-matchconditions
"""

from minik.api.scheme import Resource
from minik.server.apiserver.admission.attributes import AdmissionAttributes
from minik.server.apiserver.admission.webhooks.configuration import Webhook


class MatchConditions:
    """Implements `Conditions` of the webhook caller."""

    def hold(self, webhook: Webhook, attributes: AdmissionAttributes, resource: Resource) -> bool:
        return True
