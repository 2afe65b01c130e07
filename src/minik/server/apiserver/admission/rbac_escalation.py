"""Keeps users from granting more than they hold (authz/escalation.py).

Upstream does this in the RBAC registries between mutating admission and validation; the last mutating plugin stands
at the same place.
"""

from minik.server.apiserver.admission.attributes import AdmissionAttributes
from minik.server.apiserver.admission.plugin import CREATE, UPDATE, Plugin
from minik.server.apiserver.authz.escalation import RESOURCES, EscalationGuard
from minik.server.apiserver.authz.policy import GROUP


class RbacEscalation(Plugin):
    name = "RbacEscalation"
    operations = frozenset({CREATE, UPDATE})
    resources = frozenset((GROUP, plural) for plural in RESOURCES)

    def __init__(self, guard: EscalationGuard) -> None:
        self._guard = guard

    async def mutate(self, attributes: AdmissionAttributes) -> None:
        if attributes.obj is None:
            return
        await self._guard.check(
            attributes.user,
            attributes.gvr.resource,
            attributes.namespace,
            attributes.obj,
            attributes.old_obj,
        )
