"""RBAC: which rules allow what, and what an identity gets from its bindings."""

from typing import Any

import pytest

from minik.api.types import GVR, Obj, UserInfo
from minik.server.apiserver.attributes import Attributes
from minik.server.apiserver.authz.policy import CLUSTER_ROLE_BINDINGS, CLUSTER_ROLES, ROLE_BINDINGS, ROLES, Policy
from minik.server.apiserver.authz.rbac import RbacAuthorizer
from minik.server.apiserver.authz.rules import Rule, compact, describe, missing

PODS = {"verbs": ["get", "list"], "apiGroups": [""], "resources": ["pods"]}


@pytest.mark.parametrize(
    ("rule", "verb", "group", "resource", "name", "allowed"),
    [
        (PODS, "get", "", "pods", "a", True),
        (PODS, "delete", "", "pods", "a", False),
        (PODS, "get", "apps", "pods", "a", False),
        (PODS, "get", "", "pods/log", "a", False),
        ({"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}, "frob", "x", "y/z", "", True),
        (
            {"verbs": ["get"], "apiGroups": ["*"], "resources": ["*/scale"]},
            "get",
            "apps",
            "deployments/scale",
            "",
            True,
        ),
        ({"verbs": ["get"], "apiGroups": ["*"], "resources": ["*/scale"]}, "get", "apps", "deployments", "", False),
        ({**PODS, "resourceNames": ["a"]}, "get", "", "pods", "a", True),
        ({**PODS, "resourceNames": ["a"]}, "get", "", "pods", "b", False),
        ({**PODS, "resourceNames": ["a"]}, "list", "", "pods", "", False),
    ],
)
def test_a_rule_allows(rule: Obj, verb: str, group: str, resource: str, name: str, allowed: bool) -> None:
    plural, _, subresource = resource.partition("/")
    attributes = Attributes(
        user=UserInfo("u"),
        verb=verb,
        resource_request=True,
        api_group=group,
        resource=plural,
        subresource=subresource,
        name=name,
    )
    assert Rule(rule).allows(attributes) is allowed


@pytest.mark.parametrize(
    ("pattern", "path", "allowed"),
    [("/healthz", "/healthz", True), ("/healthz", "/healthz/x", False), ("/api/*", "/api/v1", True), ("*", "/x", True)],
)
def test_a_rule_allows_paths(pattern: str, path: str, allowed: bool) -> None:
    rule = Rule({"verbs": ["get"], "nonResourceURLs": [pattern]})
    assert rule.allows(Attributes(user=UserInfo("u"), verb="get", path=path)) is allowed


@pytest.mark.parametrize(
    ("owned", "wanted", "lacking"),
    [
        ([PODS], [PODS], 0),
        ([PODS], [{**PODS, "verbs": ["get", "watch"]}], 1),
        ([PODS], [{**PODS, "resourceNames": ["a"]}], 0),
        ([{**PODS, "resourceNames": ["a"]}], [PODS], 2),
        ([{**PODS, "verbs": ["*"]}], [{**PODS, "verbs": ["*"]}], 0),
        ([PODS], [{**PODS, "verbs": ["*"]}], 1),
        ([{**PODS, "resources": ["*/log"]}], [{**PODS, "resources": ["pods/log"]}], 0),
        ([{"verbs": ["get"], "nonResourceURLs": ["/a/*"]}], [{"verbs": ["get"], "nonResourceURLs": ["/a/b"]}], 0),
    ],
)
def test_what_is_missing(owned: list[Obj], wanted: list[Obj], lacking: int) -> None:
    assert len(missing(owned, wanted)) == lacking


def test_missing_rights_are_put_together_and_printed_as_upstream_does() -> None:
    lacking = missing([], [{"verbs": ["get", "list"], "apiGroups": [""], "resources": ["secrets"]}])
    assert [describe(rule) for rule in compact(lacking)] == [
        '{APIGroups:[""], Resources:["secrets"], Verbs:["get" "list"]}'
    ]


def role(name: str, namespace: str = "", rules: list[Obj] | None = None) -> Obj:
    return {"metadata": {"name": name, "namespace": namespace}, "rules": [PODS] if rules is None else rules}


def binding(name: str, kind: str, role_name: str, subject: Obj, namespace: str = "") -> Obj:
    return {
        "metadata": {"name": name, "namespace": namespace},
        "roleRef": {"kind": kind, "name": role_name},
        "subjects": [subject],
    }


def decide(policy: Policy, user: UserInfo, namespace: str, **changes: Any) -> tuple[bool, str]:
    given: dict[str, Any] = {"verb": "get", "resource": "pods", "resource_request": True, "namespace": namespace}
    decision = RbacAuthorizer(policy).decide(Attributes(user=user, **(given | changes)))
    return decision.allowed, decision.reason


@pytest.fixture
def policy() -> Policy:
    policy = Policy()
    changes: list[tuple[GVR, Obj]] = [
        (ROLES, role("r", "ns")),
        (CLUSTER_ROLES, role("cr")),
        (ROLE_BINDINGS, binding("b", "Role", "r", {"kind": "User", "name": "u"}, "ns")),
        (CLUSTER_ROLE_BINDINGS, binding("cb", "ClusterRole", "cr", {"kind": "Group", "name": "g"})),
        (ROLE_BINDINGS, binding("sa", "ClusterRole", "cr", {"kind": "ServiceAccount", "name": "s"}, "ns")),
    ]
    for resource, obj in changes:
        policy.change(resource, obj, None)
    return policy


def test_a_role_binding_reaches_its_namespace_only(policy: Policy) -> None:
    reason = 'RBAC: allowed by RoleBinding "b/ns" of Role "r" to User "u"'
    assert decide(policy, UserInfo("u"), "ns") == (True, reason)
    assert decide(policy, UserInfo("u"), "other") == (False, "")
    assert decide(policy, UserInfo("u"), "") == (False, "")


def test_a_cluster_role_binding_reaches_everywhere(policy: Policy) -> None:
    reason = 'RBAC: allowed by ClusterRoleBinding "cb" of ClusterRole "cr" to Group "g"'
    assert decide(policy, UserInfo("x", groups=("g",)), "other") == (True, reason)
    assert decide(policy, UserInfo("x", groups=("g",)), "") == (True, reason)


def test_a_service_account_without_namespace_is_that_of_the_binding(policy: Policy) -> None:
    allowed, reason = decide(policy, UserInfo("system:serviceaccount:ns:s"), "ns")
    assert allowed
    assert reason.endswith('to ServiceAccount "s/ns"')


def test_changes_count_at_once(policy: Policy) -> None:
    user = UserInfo("u")
    assert decide(policy, user, "ns")[0]
    policy.change(ROLES, role("r", "ns", []), None)
    assert not decide(policy, user, "ns")[0]
    policy.change(ROLES, role("r", "ns"), None)
    assert decide(policy, user, "ns")[0]
    policy.change(ROLE_BINDINGS, None, binding("b", "Role", "r", {"kind": "User", "name": "u"}, "ns"))
    assert not decide(policy, user, "ns")[0]


def test_a_binding_to_a_missing_role_is_mentioned(policy: Policy) -> None:
    policy.change(ROLES, None, role("r", "ns"))
    assert decide(policy, UserInfo("u"), "ns") == (False, 'RBAC: role.rbac.authorization.k8s.io "r" not found')
