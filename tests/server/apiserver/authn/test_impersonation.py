"""Acting as somebody else, and what it takes."""

import pytest

from minik.api.request import Request
from minik.api.status import StatusError
from minik.api.types import UserInfo
from minik.server.apiserver.attributes import Attributes, Decision
from minik.server.apiserver.authn.impersonation import Impersonation, asks_for_another, wanted_user

WHO = UserInfo("requestor", groups=("system:authenticated",))


class Permissions:
    """Allows the (verb, resource, name) given and keeps what was asked."""

    def __init__(self, *allowed: tuple[str, str, str]) -> None:
        self._allowed = set(allowed)
        self.asked: list[tuple[str, str, str]] = []

    async def authorize(self, attributes: Attributes) -> Decision:
        resource = attributes.resource
        if attributes.subresource:
            resource += f"/{attributes.subresource}"
        question = (attributes.verb, resource, attributes.name)
        self.asked.append(question)
        return Decision(question in self._allowed)


def listing(user: UserInfo = WHO) -> Attributes:
    return Attributes(user=user, verb="list", resource_request=True, resource="pods", namespace="ns")


async def act_as(wanted: UserInfo, permissions: Permissions, user: UserInfo = WHO) -> UserInfo:
    return (await Impersonation(permissions.authorize).impersonate(wanted, listing(user)))[0]


def test_headers_say_whom_to_act_as() -> None:
    headers = {
        "impersonate-user": "jane",
        "impersonate-uid": "7",
        "impersonate-group": "a\nb",
        "impersonate-extra-example.com%2fscope": "x",
    }
    assert wanted_user(Request(method="GET", path="/", headers=headers)) == UserInfo(
        "jane", "7", ("a", "b"), {"example.com/scope": ("x",)}
    )
    assert wanted_user(Request(method="GET", path="/")) is None


@pytest.mark.parametrize("header", ["impersonate-group", "impersonate-uid", "impersonate-extra-scopes"])
def test_details_without_a_user_are_a_bad_request(header: str) -> None:
    assert asks_for_another({header: "a"})
    with pytest.raises(StatusError, match="without impersonating a user name"):
        wanted_user(Request(method="GET", path="/", headers={header: "a"}))


@pytest.mark.parametrize(
    ("key", "complaint"),
    [
        ("scopes", 'an invalid key in extra is not allowed: extra.key: Invalid value: "scopes": must be a domain-'),
        ("a_b/c", 'an invalid key in extra is not allowed: extra.key: Invalid value: "a_b": a lowercase RFC 1123'),
        ("a.b/c d", 'an invalid key in extra is not allowed: extra.key: Invalid value: "c d": Invalid path'),
        ("a.b/C", 'a non-lowercase key in extra is not allowed: "a.b/C"'),
    ],
)
async def test_constrained_modes_take_sound_keys_only(key: str, complaint: str) -> None:
    permissions = Permissions(("impersonate-on:user-info:list", "pods", ""), ("impersonate:user-info", "users", "jane"))
    impersonation = Impersonation(permissions.authorize)
    with pytest.raises(StatusError) as caught:
        await impersonation.impersonate(UserInfo("jane", extra={key: ("x",)}), listing())
    assert f"impersonating {complaint}" in caught.value.message
    counted = {
        (sample.name, *sample.labels.values()): sample.value
        for family in impersonation.metrics.collect()
        for sample in family.samples
    }
    assert counted["apiserver_impersonation_attempts_total", "", "denied"] == 1
    assert counted["apiserver_impersonation_authorization_attempts_total", "user-info", "allowed"] == 2


async def test_the_plain_verb_allows_every_request() -> None:
    permissions = Permissions(("impersonate", "users", "jane"), ("impersonate", "groups", "devs"))
    user = await act_as(UserInfo("jane", groups=("devs",)), permissions)
    assert user.groups == ("devs", "system:authenticated")


async def test_every_detail_needs_permission() -> None:
    permissions = Permissions(("impersonate", "users", "jane"))
    with pytest.raises(StatusError):
        await act_as(UserInfo("jane", extra={"scopes": ("x",)}), permissions)
    assert ("impersonate", "userextras/scopes", "x") in permissions.asked


async def test_a_constrained_mode_allows_one_kind_of_request() -> None:
    permissions = Permissions(("impersonate-on:user-info:list", "pods", ""), ("impersonate:user-info", "users", "jane"))
    assert (await act_as(UserInfo("jane"), permissions)).name == "jane"


async def test_the_first_refusal_is_shown() -> None:
    with pytest.raises(StatusError) as caught:
        await act_as(UserInfo("jane"), Permissions())
    assert caught.value.message == (
        'pods is forbidden: User "requestor" cannot impersonate-on:user-info:list resource "pods" in API group "" in '
        'the namespace "ns"'
    )


async def test_no_constrained_mode_gives_system_masters() -> None:
    permissions = Permissions(
        ("impersonate-on:user-info:list", "pods", ""),
        ("impersonate:user-info", "users", "jane"),
        ("impersonate:user-info", "groups", "system:masters"),
    )
    with pytest.raises(StatusError, match="system:masters group is not allowed"):
        await act_as(UserInfo("jane", groups=("system:masters",)), permissions)


async def test_a_service_account_may_act_as_its_own_node() -> None:
    own = UserInfo("system:serviceaccount:ns:agent", extra={"authentication.kubernetes.io/node-name": ("n1",)})
    permissions = Permissions(
        ("impersonate-on:associated-node:list", "pods", ""), ("impersonate:associated-node", "nodes", "*")
    )
    user = await act_as(UserInfo("system:node:n1"), permissions, own)
    assert user.groups == ("system:nodes", "system:authenticated")
    with pytest.raises(StatusError):
        await act_as(UserInfo("system:node:n2"), permissions, own)


async def test_service_accounts_get_their_groups_and_anonymous_stays_unauthenticated() -> None:
    masters = UserInfo("root", groups=("system:masters",))
    account = await act_as(UserInfo("system:serviceaccount:ns:s"), Permissions(), masters)
    assert account.groups == ("system:serviceaccounts", "system:serviceaccounts:ns", "system:authenticated")
    anonymous = await act_as(UserInfo("system:anonymous"), Permissions(), masters)
    assert anonymous.groups == ("system:unauthenticated",)
