"""Nobody grants more than they hold."""

import pytest

from minik.api.status import StatusError
from minik.api.types import Obj, UserInfo
from minik.server.apiserver.attributes import Attributes, Decision
from minik.server.apiserver.authz.escalation import EscalationGuard
from minik.server.apiserver.authz.policy import ROLE_BINDINGS, ROLES, Policy
from minik.server.apiserver.authz.rbac import RbacAuthorizer

USER = UserInfo("u", groups=("system:authenticated",))
GET_PODS = {"verbs": ["get"], "apiGroups": [""], "resources": ["pods"]}
GET_SECRETS = {"verbs": ["get"], "apiGroups": [""], "resources": ["secrets"]}


def guard(*rules: Obj) -> EscalationGuard:
    policy = Policy()
    policy.change(ROLES, {"metadata": {"name": "own", "namespace": "ns"}, "rules": list(rules)}, None)
    policy.change(ROLES, {"metadata": {"name": "strong", "namespace": "ns"}, "rules": [GET_SECRETS]}, None)
    bound = {
        "metadata": {"name": "b", "namespace": "ns"},
        "roleRef": {"kind": "Role", "name": "own"},
        "subjects": [{"kind": "User", "name": "u"}],
    }
    policy.change(ROLE_BINDINGS, bound, None)
    authorizer = RbacAuthorizer(policy)

    async def authorize(attributes: Attributes) -> Decision:
        return authorizer.decide(attributes)

    return EscalationGuard(policy, authorize)


def role(*rules: Obj) -> Obj:
    return {"metadata": {"name": "r", "namespace": "ns"}, "rules": list(rules)}


def binding(role_name: str) -> Obj:
    return {"metadata": {"name": "x", "namespace": "ns"}, "roleRef": {"kind": "Role", "name": role_name}}


async def test_what_one_holds_may_be_put_into_a_role() -> None:
    await guard(GET_PODS).check(USER, "roles", "ns", role(GET_PODS), None)


async def test_what_one_lacks_may_not() -> None:
    with pytest.raises(StatusError) as caught:
        await guard(GET_PODS).check(USER, "roles", "ns", role(GET_PODS, GET_SECRETS), None)
    assert caught.value.message == (
        'roles.rbac.authorization.k8s.io "r" is forbidden: user "u" (groups=["system:authenticated"]) is attempting to '
        "grant RBAC permissions not currently held:\n"
        '{APIGroups:[""], Resources:["secrets"], Verbs:["get"]}'
    )


async def test_unchanged_rules_are_nobodys_attempt() -> None:
    old = role(GET_SECRETS)
    new = {**old, "metadata": {**old["metadata"], "labels": {"a": "b"}}}
    await guard(GET_PODS).check(USER, "roles", "ns", new, old)


@pytest.mark.parametrize(
    ("verb", "plural", "obj"), [("escalate", "roles", role(GET_SECRETS)), ("bind", "rolebindings", binding("strong"))]
)
async def test_escalate_and_bind_are_verbs_of_their_own(verb: str, plural: str, obj: Obj) -> None:
    with pytest.raises(StatusError):
        await guard(GET_PODS).check(USER, plural, "ns", obj, None)
    allowed = {"verbs": [verb], "apiGroups": ["rbac.authorization.k8s.io"], "resources": ["roles"]}
    await guard(allowed).check(USER, plural, "ns", obj, None)


async def test_a_binding_to_a_missing_role_is_not_found() -> None:
    with pytest.raises(StatusError) as caught:
        await guard(GET_PODS).check(USER, "rolebindings", "ns", binding("nope"), None)
    assert caught.value.code == 404


async def test_masters_may_everything() -> None:
    masters = UserInfo("root", groups=("system:masters",))
    await guard().check(masters, "roles", "ns", role(GET_SECRETS), None)
