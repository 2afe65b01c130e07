"""Fills ClusterRoles that have an aggregationRule (admin, edit, view) with the rules of the roles they select.

https://kubernetes.io/docs/reference/access-authn-authz/rbac/#aggregated-clusterroles
"""

from collections.abc import Iterable, Sequence

from minik.api.selectors import of_object
from minik.api.types import Obj
from minik.client.client import APPLY_PATCH, Client
from minik.client.controller import Controller
from minik.client.informer import Change
from minik.client.resources import CLUSTER_ROLES
from minik.server.controllers.context import ControllerContext
from minik.server.controllers.objects import is_deleting, labels_of


def aggregated_rules(role: Obj, roles: Iterable[Obj]) -> list[Obj]:
    """The rules of all roles selected by `role`, each once, by name within each selector."""
    by_name = sorted(roles, key=lambda other: str(other["metadata"]["name"]))
    rules: list[Obj] = []
    for entry in role["aggregationRule"].get("clusterRoleSelectors") or ():
        selector = of_object(entry)
        for other in by_name:
            if other["metadata"]["name"] == role["metadata"]["name"] or not selector.matches(labels_of(other)):
                continue
            rules += [rule for rule in other.get("rules") or () if rule not in rules]
    return rules


class ClusterRoleAggregationController(Controller):
    name = "clusterrole-aggregation-controller"
    workers = 1

    def __init__(self, context: ControllerContext) -> None:
        super().__init__(clock=context.clock)
        self._client: Client = context.client_for(self.name)
        self._roles = self.watch(context.informers.of(CLUSTER_ROLES), self._keys)

    def _keys(self, change: Change) -> Sequence[str]:
        """Any role may be selected by any aggregated one, of which there are few."""
        return [role["metadata"]["name"] for role in self._roles.list() if "aggregationRule" in role]

    async def reconcile(self, key: str) -> float | None:
        role = self._roles.get(key)
        if role is None or is_deleting(role) or not role.get("aggregationRule"):
            return None
        rules = aggregated_rules(role, self._roles.list())
        if rules == (role.get("rules") or []):
            return None
        wanted = {
            "apiVersion": CLUSTER_ROLES.api_version,
            "kind": "ClusterRole",
            "metadata": {"name": key},
            "rules": rules,
        }
        await self._client.patch(
            CLUSTER_ROLES, key, wanted, patch_type=APPLY_PATCH, field_manager=self.name, force=True
        )
        return None
