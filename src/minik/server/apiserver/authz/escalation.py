"""Nobody gives more than they have: the checks before a role or binding is written.

https://kubernetes.io/docs/reference/access-authn-authz/rbac/#privilege-escalation-prevention-and-bootstrapping .
Upstream does this in the RBAC registries, after mutating admission and before validation; `check` is called from there.
"""

from collections.abc import Sequence

from minik.api.status import StatusError, forbidden, not_found
from minik.api.types import Obj, UserInfo
from minik.server.apiserver.attributes import Attributes, Authorize
from minik.server.apiserver.authz.policy import GROUP, Policy
from minik.server.apiserver.authz.rules import compact, describe, missing, quoted

_EVERYTHING: Sequence[Obj] = (
    {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]},
    {"verbs": ["*"], "nonResourceURLs": ["*"]},
)
RESOURCES = frozenset({"roles", "clusterroles", "rolebindings", "clusterrolebindings"})


class EscalationGuard:
    """Refuses writes of roles and bindings by which a user would give away what they do not hold."""

    def __init__(self, policy: Policy, authorize: Authorize) -> None:
        self._policy = policy
        self._authorize = authorize

    async def check(self, user: UserInfo, plural: str, namespace: str, obj: Obj, old: Obj | None) -> None:
        """Raises the 403 (or, for a binding, the 404 of a role that does not exist)."""
        if "system:masters" in user.groups:
            return
        if old is not None and _only_garbage_collection_fields_differ(obj, old):
            return
        if plural in ("roles", "clusterroles"):
            await self._check_role(user, plural, namespace, obj, old)
        else:
            await self._check_binding(user, plural, namespace, obj)

    async def _check_role(self, user: UserInfo, plural: str, namespace: str, obj: Obj, old: Obj | None) -> None:
        name = obj["metadata"].get("name", "")
        if await self._may(user, "escalate", plural, name, namespace):
            return
        if old is None or old.get("rules") != obj.get("rules"):
            self._must_hold(user, plural, namespace, name, obj.get("rules") or ())
        if "aggregationRule" in obj or "aggregationRule" in (old or {}):
            held = list(self._policy.resolve(user, namespace).rules())
            if missing(held, _EVERYTHING):
                raise forbidden(GROUP, plural, name, "must have cluster-admin privileges to use the aggregationRule")

    async def _check_binding(self, user: UserInfo, plural: str, namespace: str, obj: Obj) -> None:
        name, role = obj["metadata"].get("name", ""), obj.get("roleRef") or {}
        kind, role_name = role.get("kind", ""), role.get("name", "")
        role_plural = {"Role": "roles", "ClusterRole": "clusterroles"}.get(kind, "")
        if role_plural and await self._may(user, "bind", role_plural, role_name, namespace):
            return
        rules = self._policy.role_rules(kind, role_name, namespace)
        if rules is None:
            raise not_found(GROUP, plural, role_name)
        self._must_hold(user, plural, namespace, name, rules)

    async def _may(self, user: UserInfo, verb: str, plural: str, name: str, namespace: str) -> bool:
        attributes = Attributes(
            user=user,
            verb=verb,
            resource_request=True,
            namespace=namespace,
            api_group=GROUP,
            api_version="v1",
            resource=plural,
            name=name,
        )
        return (await self._authorize(attributes)).allowed

    def _must_hold(self, user: UserInfo, plural: str, namespace: str, name: str, rules: Sequence[Obj]) -> None:
        resolution = self._policy.resolve(user, namespace)
        lacking = missing(list(resolution.rules()), rules)
        if lacking:
            raise _attempt(user, plural, name, lacking, resolution.problems)


def _attempt(user: UserInfo, plural: str, name: str, lacking: Sequence[Obj], problems: Sequence[str]) -> StatusError:
    lines = "\n".join(sorted({describe(rule) for rule in compact(lacking)}))
    text = (
        f'user "{user.name}" (groups={quoted(user.groups)}) is attempting to grant RBAC permissions '
        f"not currently held:\n{lines}"
    )
    if problems:
        text += f"; resolution errors: [{' '.join(problems)}]"
    return forbidden(GROUP, plural, name, text)


def _only_garbage_collection_fields_differ(obj: Obj, old: Obj) -> bool:
    return _without_garbage_collection_fields(obj) == _without_garbage_collection_fields(old)


def _without_garbage_collection_fields(obj: Obj) -> Obj:
    ignored = ("ownerReferences", "finalizers", "managedFields", "resourceVersion")
    metadata = {key: value for key, value in obj["metadata"].items() if key not in ignored}
    return {**obj, "metadata": metadata}
