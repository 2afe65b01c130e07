"""Several authorizers in order, as flags or an AuthorizationConfiguration name them."""

from pathlib import Path
from typing import Any

import orjson
import pytest

from minik.api.types import Obj, UserInfo
from minik.config import AgentConfig, ServerConfig, StartupError
from minik.server.apiserver.attributes import Attributes, Decision
from minik.server.apiserver.authz.access_review import access_review_spec, condition_variables
from minik.server.apiserver.authz.assembly import Authorization
from minik.server.apiserver.authz.authorizer import Authorizer
from minik.server.apiserver.authz.configuration import chain_of_document, chain_of_flags
from minik.server.apiserver.authz.webhook import WebhookAuthorizer, WebhookSettings
from minik.server.apiserver.outside_identities import OpenConnections

PODS = Attributes(UserInfo("jane", groups=("dev",)), "list", "", True, "ns", "", "v1", "pods")


class Says:
    """An authorizer of one answer."""

    def __init__(self, decision: Decision) -> None:
        self.decision = decision

    def decide(self, _attributes: Attributes) -> Decision:
        return self.decision


class Answers:
    """A webhook's server."""

    def __init__(self, status: Obj | None) -> None:
        self.status = status
        self.asked: list[Any] = []

    async def post(self, obj: Obj) -> Any:
        self.asked.append(obj)
        if self.status is None:
            raise ConnectionError("gone")
        return {"status": self.status}

    async def close(self) -> None:
        self.asked.clear()


BUILT_IN = {"Node": Says(Decision(False, "not a node")), "RBAC": Says(Decision(False))}


def webhook(status: Obj | None, clock: Any = lambda: 0.0, **settings: Any) -> tuple[WebhookAuthorizer, Answers]:
    server = Answers(status)
    return WebhookAuthorizer(server, WebhookSettings(**settings), clock=clock), server  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("decisions", "result"),
    [
        ([Decision(False, "a"), Decision(False, "b")], Decision(False, "a\nb")),
        ([Decision(False, "a"), Decision(True, "b")], Decision(True, "b")),
        ([Decision(False, "a", denied=True), Decision(True, "b")], Decision(False, "a", denied=True)),
        ([], Decision(False)),
    ],
)
async def test_the_first_authorizer_with_an_opinion_decides(decisions: list[Decision], result: Decision) -> None:
    assert await Authorizer(*map(Says, decisions)).authorize(PODS) == result


async def test_masters_are_not_asked_for() -> None:
    masters = PODS._replace(user=UserInfo("root", groups=("system:masters",)))
    assert (await Authorizer(Says(Decision(False, denied=True))).authorize(masters)).allowed


@pytest.mark.parametrize(
    ("status", "deny", "result"),
    [
        ({"allowed": True, "reason": "r"}, False, Decision(True, "r")),
        ({"allowed": False, "reason": "r"}, False, Decision(False, "r")),
        ({"allowed": False, "denied": True}, False, Decision(False, "", denied=True)),
        (None, False, Decision(False)),
        (None, True, Decision(False, "gone", denied=True)),
    ],
)
async def test_a_webhooks_answer(status: Obj | None, deny: bool, result: Decision) -> None:
    assert await webhook(status, deny=deny)[0].ask(PODS) == result


async def test_answers_are_believed_for_a_while() -> None:
    times = [0.0]
    authorizer, server = webhook({"allowed": True}, lambda: times[-1], allowed_for=10.0)
    for now, asked in ((0.0, 1), (9.0, 1), (11.0, 2)):
        times.append(now)
        await authorizer.ask(PODS)
        assert len(server.asked) == asked
    authorizer, server = webhook({"allowed": False}, refused_for=0.0)
    await authorizer.ask(PODS)
    await authorizer.ask(PODS)
    assert len(server.asked) == 2


@pytest.mark.parametrize(
    ("conditions", "asked"),
    [
        (["has(request.resourceAttributes)", "request.resourceAttributes.namespace == 'ns'"], True),
        (["request.resourceAttributes.resource == 'secrets'"], False),
        (["request.resourceAttributes.subresource == ''"], True),
        (["'dev' in request.groups", "!request.user.startsWith('system:')"], True),
        (["request.nothing == 1", "false"], False),
    ],
)
async def test_conditions_say_when_a_webhook_is_asked(conditions: list[str], asked: bool) -> None:
    authorizer, server = webhook({"allowed": True}, conditions=conditions)
    assert (await authorizer.ask(PODS)).allowed is asked
    assert bool(server.asked) is asked


@pytest.mark.parametrize("deny", [False, True])
async def test_a_condition_that_fails_counts_as_a_failure(deny: bool) -> None:
    authorizer, server = webhook({"allowed": True}, conditions=["request.nothing == 1"], deny=deny)
    decision = await authorizer.ask(PODS)
    assert (decision.allowed, decision.denied, server.asked) == (False, deny, [])


def test_reviews_carry_selectors_and_old_versions_call_groups_group() -> None:
    listing = PODS._replace(field_selector="spec.nodeName=n1,a!=b", label_selector="x in (1,2),!y,z>3")
    about = access_review_spec(listing)["resourceAttributes"]
    assert about["fieldSelector"]["requirements"] == [
        {"key": "a", "operator": "NotIn", "values": ["b"]},
        {"key": "spec.nodeName", "operator": "In", "values": ["n1"]},
    ]
    assert about["labelSelector"]["requirements"] == [
        {"key": "x", "operator": "In", "values": ["1", "2"]},
        {"key": "y", "operator": "DoesNotExist"},
    ]
    assert access_review_spec(PODS, "v1beta1")["group"] == ["dev"]
    assert condition_variables(PODS)["request"]["resourceAttributes"]["name"] == ""


def kubeconfig(directory: Path) -> Path:
    path = directory / "webhook.yaml"
    document = {
        "clusters": [{"name": "c", "cluster": {"server": "http://127.0.0.1:1"}}],
        "contexts": [{"name": "x", "context": {"cluster": "c"}}],
        "current-context": "x",
    }
    path.write_bytes(orjson.dumps(document))
    return path


def document(*authorizers: Obj) -> Obj:
    return {
        "apiVersion": "apiserver.config.k8s.io/v1",
        "kind": "AuthorizationConfiguration",
        "authorizers": list(authorizers),
    }


def asking(path: str, **changes: Any) -> Obj:
    settings: Obj = {
        "timeout": "3s",
        "subjectAccessReviewVersion": "v1",
        "matchConditionSubjectAccessReviewVersion": "v1",
        "failurePolicy": "Deny",
        "connectionInfo": {"type": "KubeConfigFile", "kubeConfigFile": path},
    }
    return {"type": "Webhook", "name": "w", "webhook": {**settings, **changes}}


def test_a_configuration_orders_authorizers(tmp_path: Path) -> None:
    first = asking(str(kubeconfig(tmp_path)), matchConditions=[{"expression": "has(request.resourceAttributes)"}])
    chain = chain_of_document(
        document(first, {**first, "name": "w2"}, {"type": "RBAC", "name": "rbac"}, {"type": "Node", "name": "node"}),
        BUILT_IN,
    )
    assert [type(step).__name__ for step in chain.steps] == ["WebhookAuthorizer", "WebhookAuthorizer", "Says", "Says"]
    assert chain.steps[2:] == [BUILT_IN["RBAC"], BUILT_IN["Node"]]
    assert len(chain.webhooks) == 2


@pytest.mark.parametrize(
    ("entry", "why"),
    [
        ({"name": "x"}, "type: Required value"),
        ({"type": "ABAC", "name": "x"}, 'Unsupported value: "ABAC"'),
        ({"type": "RBAC"}, "name: Required value"),
        ({"type": "RBAC", "name": "x", "webhook": {"timeout": "1s"}}, "may only be specified when type=Webhook"),
        ({"type": "Webhook", "name": "x"}, "required when type=Webhook"),
        (asking("f", timeout="31s"), "must be > 0s and <= 30s"),
        (asking("f", failurePolicy="Maybe"), "failurePolicy: Unsupported value"),
        (asking("f", subjectAccessReviewVersion="v2"), "subjectAccessReviewVersion: Unsupported value"),
        (asking("f", matchConditions=[{"expression": "request."}]), "compilation failed"),
        (asking("f", matchConditions=[{"expression": "'text'"}]), "must evaluate to bool but got string"),
        (asking("f", matchConditions=[{"expression": "request.nope == ''"}]), "undefined field 'nope'"),
        (
            asking("f", matchConditions=[{"expression": "true"}] * 2),
            "[1].expression: Duplicate value".replace("[", r"\["),
        ),
    ],
)
def test_bad_configurations_are_refused(entry: Obj, why: str) -> None:
    with pytest.raises(ValueError, match=why.replace(".", r"\.").replace("(", r"\(")):
        chain_of_document(document(entry), BUILT_IN)


@pytest.mark.parametrize(
    ("flags", "kinds"),
    [
        ({}, ["Says", "Says"]),
        ({"authorization_mode": ("AlwaysAllow",)}, ["Always"]),
        ({"authorization_webhook_config_file": "FILE"}, ["Says", "Says", "WebhookAuthorizer"]),
        (
            {"authorization_webhook_config_file": "FILE", "authorization_mode": ("Webhook", "RBAC")},
            ["WebhookAuthorizer", "Says"],
        ),
    ],
)
def test_flags_order_authorizers(flags: Obj, kinds: list[str], tmp_path: Path) -> None:
    given = {key: str(kubeconfig(tmp_path)) if value == "FILE" else value for key, value in flags.items()}
    chain = chain_of_flags(ServerConfig(agent=AgentConfig(), **given), BUILT_IN)
    assert [type(step).__name__ for step in chain.steps] == kinds


@pytest.mark.parametrize("modes", [("Odd",), ("RBAC", "RBAC"), ("Webhook",)])
def test_modes_that_make_no_sense_are_refused(modes: tuple[str, ...]) -> None:
    with pytest.raises(StartupError):
        chain_of_flags(ServerConfig(agent=AgentConfig(), authorization_mode=modes), BUILT_IN)


async def test_a_changed_file_is_in_force_and_a_broken_one_is_not(tmp_path: Path) -> None:
    path = tmp_path / "authorization.json"
    path.write_bytes(orjson.dumps(document({"type": "RBAC", "name": "rbac"})))
    config = ServerConfig(agent=AgentConfig(), authorization_config=str(path))
    authorization = Authorization(config, BUILT_IN, OpenConnections())
    assert not (await authorization.authorizer.authorize(PODS)).allowed
    assert authorization.followed is not None
    generation = authorization.generation(7)
    assert authorization.generation(7) == generation
    path.write_bytes(orjson.dumps(document({"type": "AlwaysAllow", "name": "all"})))
    await authorization.followed.look()
    assert (await authorization.authorizer.authorize(PODS)).allowed
    assert authorization.generation(7) != generation
    path.write_bytes(b"{}")
    await authorization.followed.look()
    assert (await authorization.authorizer.authorize(PODS)).allowed
    reloads = next(authorization.followed.collect())
    assert {s.labels["status"]: s.value for s in reloads.samples} == {"success": 1.0, "failure": 1.0}


def test_decisions_of_webhooks_are_never_the_same_again(tmp_path: Path) -> None:
    config = ServerConfig(agent=AgentConfig(), authorization_webhook_config_file=str(kubeconfig(tmp_path)))
    authorization = Authorization(config, BUILT_IN, OpenConnections())
    assert authorization.generation(7) != authorization.generation(7)
