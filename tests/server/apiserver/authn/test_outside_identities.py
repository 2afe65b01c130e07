"""Identities others vouch for: JWT issuers, token and authorization webhooks, token files."""

import asyncio
import base64
import ssl
import time
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jwt
import orjson
import pytest
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import ec

from minik.api.types import Obj, UserInfo
from minik.config import AgentConfig, ServerConfig, StartupError
from minik.server.apiserver.attributes import Attributes
from minik.server.apiserver.authn.oidc.claims import ClaimMapping, Claims, ClaimsError, Rule
from minik.server.apiserver.authn.oidc.configuration import authentication_of
from minik.server.apiserver.authn.oidc.flags import issuer_of_flags
from minik.server.apiserver.authn.oidc.jwt_authenticator import JwtAuthenticator
from minik.server.apiserver.authn.token_webhook import TokenWebhook, reviewed
from minik.server.apiserver.authz.access_review import access_review_spec
from minik.server.apiserver.authz.webhook import WebhookAuthorizer
from minik.server.apiserver.outside_identities import outside_identities
from minik.server.apiserver.webhooks.kubeconfig_webhook import load_webhook
from minik.server.certificates import (
    KeyPair,
    Profile,
    certificate_pem,
    issue,
    key_pem,
    new_key,
    self_signed_authority,
    write_file,
)


class Server:
    """HTTPS on loopback; answers with what `answer` returns for a path and a body."""

    def __init__(self, directory: Path) -> None:
        now, key = datetime.now(UTC), new_key()
        authority = self_signed_authority("test", now, timedelta(days=1), new_key())
        self.authority = certificate_pem(authority.certificate).decode()
        pair = KeyPair.named(directory, "serving")
        profile = Profile(common_name="x", sans=["127.0.0.1"], server=True)
        write_file(pair.key, key_pem(key))
        write_file(pair.certificate, certificate_pem(issue(authority, profile, key.public_key(), now)))
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._tls.load_cert_chain(pair.certificate, pair.key)
        self.answer: Callable[[str, Any], Any] = lambda path, body: {}
        self.asked: list[Any] = []
        self.url = ""

    async def __aenter__(self) -> "Server":
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0, ssl_context=self._tls).start()
        self.url = f"https://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    async def _handle(self, request: web.Request) -> web.Response:
        body = await request.json() if request.can_read_body else None
        self.asked.append((request.path, body))
        return web.json_response(self.answer(request.path, body))

    def kubeconfig(self, path: Path) -> Path:
        authority = base64.b64encode(self.authority.encode()).decode()
        document = {
            "kind": "Config",
            "clusters": [{"name": "c", "cluster": {"server": self.url, "certificate-authority-data": authority}}],
            "users": [{"name": "u", "user": {"token": "mine"}}],
            "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
            "current-context": "x",
        }
        path.write_bytes(orjson.dumps(document))
        return path


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    async with Server(tmp_path) as running:
        yield running


KEY = ec.generate_private_key(ec.SECP256R1())


def issuer(server: Server, **mappings: Any) -> JwtAuthenticator:
    def answer(path: str, _body: Any) -> Any:
        if path == "/.well-known/openid-configuration":
            return {"issuer": server.url, "jwks_uri": f"{server.url}/keys"}
        key: Obj = jwt.algorithms.ECAlgorithm.to_jwk(KEY.public_key(), as_dict=True)  # type: ignore[assignment]
        return {"keys": [{**key, "kid": "k1", "alg": "ES256", "use": "sig"}]}

    server.answer = answer
    entry = {
        "issuer": {"url": server.url, "audiences": ["minik"], "certificateAuthority": server.authority},
        "claimMappings": {
            "username": {"claim": "sub", "prefix": "oidc:"},
            "groups": {"claim": "groups", "prefix": "oidc:"},
            **mappings,
        },
    }
    document = {"kind": "AuthenticationConfiguration", "apiVersion": "apiserver.config.k8s.io/v1", "jwt": [entry]}
    return JwtAuthenticator(authentication_of(document).issuers)


def token(server: Server, *, key: Any = KEY, kid: str = "k1", **claims: Any) -> str:
    whole = {"iss": server.url, "aud": "minik", "sub": "jane", "exp": int(time.time()) + 60, **claims}
    return jwt.encode(whole, key, algorithm="ES256", headers={"kid": kid})


async def test_a_token_of_the_issuer_names_a_user(server: Server) -> None:
    authenticator = issuer(
        server, uid={"claim": "uid"}, extra=[{"key": "example.org/x", "valueExpression": "claims.x"}]
    )
    sent = token(server, groups=["dev", "ops"], uid="u1", x="y")
    user = await authenticator.authenticate(sent, ())
    assert user == UserInfo("oidc:jane", "u1", ("oidc:dev", "oidc:ops"), {"example.org/x": ("y",)})
    assert await authenticator.authenticate(sent, ()) is user
    assert [path for path, _ in server.asked] == ["/.well-known/openid-configuration", "/keys"]


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": "other"},
        {"exp": 1},
        {"sub": ""},
        {"iss": "https://elsewhere"},
        {"key": ec.generate_private_key(ec.SECP256R1())},
        {"kid": "unknown"},
        {"groups": 7},
    ],
)
async def test_other_tokens_are_refused(server: Server, claims: Obj) -> None:
    assert await issuer(server).authenticate(token(server, **claims), ()) is None


async def test_what_is_no_jwt_is_not_for_issuers(server: Server) -> None:
    assert await issuer(server).authenticate("abc", ()) is None
    assert server.asked == []


async def test_an_unknown_key_is_not_looked_for_again_and_again(server: Server) -> None:
    authenticator = issuer(server)
    for _ in range(3):
        await authenticator.authenticate(token(server, kid="unknown"), ())
    assert len(server.asked) == 2


def test_claims_must_obey_rules() -> None:
    claims = Claims(
        username=ClaimMapping(expression="'x-' + claims.email"),
        rules=[Rule(claim="hd", value="example.org"), Rule(expression="claims.level > 3", message="too low")],
        user_rules=[Rule(expression="!user.username.startsWith('system:')")],
    )
    good: Obj = {"email": "a@b", "hd": "example.org", "level": 4}
    assert claims.user(good).name == "x-a@b"
    with pytest.raises(ClaimsError, match="hd"):
        claims.user({**good, "hd": "else"})
    with pytest.raises(ClaimsError, match="too low"):
        claims.user({**good, "level": 1})


def test_an_email_must_be_verified() -> None:
    claims = Claims(username=ClaimMapping("email"))
    assert claims.user({"email": "a@b"}).name == "a@b"
    with pytest.raises(ClaimsError, match="not verified"):
        claims.user({"email": "a@b", "email_verified": False})


@pytest.mark.parametrize(
    ("entry", "why"),
    [
        ({"issuer": {"url": "http://x", "audiences": ["a"]}}, "URL scheme must be https"),
        ({"issuer": {"url": "https://x"}}, "at least one .*audiences is required"),
        ({"issuer": {"url": "https://x", "audiences": ["a", "b"]}}, "MatchAny"),
        ({"issuer": {"url": "https://x", "audiences": ["a"]}}, "claimMappings.username"),
        (
            {"issuer": {"url": "https://x", "audiences": ["a"]}, "claimMappings": {"username": {"claim": "sub"}}},
            "prefix is required",
        ),
    ],
)
def test_bad_authentication_configurations_are_refused(entry: Obj, why: str) -> None:
    document = {"kind": "AuthenticationConfiguration", "apiVersion": "apiserver.config.k8s.io/v1", "jwt": [entry]}
    with pytest.raises(ValueError, match=why):
        authentication_of(document)


def test_anonymous_requests_can_be_kept_to_some_paths() -> None:
    anonymous = {"enabled": True, "conditions": [{"path": "/livez"}]}
    found = authentication_of(
        {"kind": "AuthenticationConfiguration", "apiVersion": "apiserver.config.k8s.io/v1", "anonymous": anonymous}
    )
    assert (found.anonymous, found.anonymous_paths) == (True, {"/livez"})


async def test_a_webhook_reviews_tokens_once(server: Server, tmp_path: Path) -> None:
    user = {"username": "jane", "groups": ["dev"]}
    server.answer = lambda _path, body: {"status": {"authenticated": body["spec"]["token"] == "good", "user": user}}
    webhook = TokenWebhook(load_webhook(server.kubeconfig(tmp_path / "webhook.yaml")))
    assert await webhook.authenticate("good", ("api",)) == UserInfo("jane", groups=("dev",))
    assert await webhook.authenticate("good", ("api",)) == UserInfo("jane", groups=("dev",))
    assert await webhook.authenticate("bad", ("api",)) is None
    assert [body["spec"]["audiences"] for _, body in server.asked] == [["api"], ["api"]]
    await webhook.close()


def test_a_review_for_other_audiences_is_no_good() -> None:
    status = {"authenticated": True, "audiences": ["x"], "user": {"username": "jane"}}
    assert reviewed({"status": status}, ("api",)) is None
    assert reviewed({"status": status}, ("x",)) is not None
    assert reviewed(None, ()) is None


async def test_a_webhook_authorizes(server: Server, tmp_path: Path) -> None:
    server.answer = lambda _path, body: {"status": {"allowed": body["spec"]["user"] == "jane", "reason": "because"}}
    webhook = WebhookAuthorizer(load_webhook(server.kubeconfig(tmp_path / "webhook.yaml")))
    jane = Attributes(user=UserInfo("jane"), verb="get", resource_request=True, resource="pods", namespace="ns")
    assert (await webhook.ask(jane)).allowed
    assert (await webhook.ask(jane)).reason == "because"
    assert not (await webhook.ask(Attributes(user=UserInfo("john"), verb="get", path="/x"))).allowed
    assert len(server.asked) == 2
    await webhook.close()


async def test_a_webhook_that_does_not_answer_has_no_opinion(server: Server, tmp_path: Path) -> None:
    webhook = WebhookAuthorizer(load_webhook(server.kubeconfig(tmp_path / "webhook.yaml")))
    await server.__aexit__()
    async with asyncio.timeout(10):
        assert not (await webhook.ask(Attributes(user=UserInfo("john"), verb="get", path="/x"))).allowed
    await webhook.close()


def test_questions_name_what_is_asked() -> None:
    user = UserInfo("jane", "u1", ("dev",), {"k": ("v",)})
    spec = access_review_spec(Attributes(user=user, verb="get", path="/metrics"))
    assert spec == {
        "nonResourceAttributes": {"path": "/metrics", "verb": "get"},
        "user": "jane",
        "uid": "u1",
        "groups": ["dev"],
        "extra": {"k": ["v"]},
    }


def test_flags_name_files(tmp_path: Path) -> None:
    tokens = tmp_path / "tokens.csv"
    tokens.write_text('secret,jane,u1,"dev,ops"\n')
    config = ServerConfig(agent=AgentConfig(data_dir=tmp_path), token_auth_file=str(tokens))
    assert outside_identities(config).tokens == {"secret": UserInfo("jane", "u1", ("dev", "ops"))}
    with pytest.raises(StartupError, match="token file"):
        outside_identities(ServerConfig(agent=AgentConfig(), token_auth_file=str(tmp_path / "none")))
    with pytest.raises(StartupError, match="webhook configuration"):
        outside_identities(ServerConfig(agent=AgentConfig(), authentication_token_webhook_config_file=str(tokens)))


@pytest.mark.parametrize(
    ("flags", "name"),
    [
        ({}, "https://issuer#jane"),
        ({"oidc_username_claim": "email"}, "j@x"),
        ({"oidc_username_prefix": "-"}, "jane"),
        ({"oidc_username_prefix": "o:"}, "o:jane"),
    ],
)
def test_flags_describe_one_issuer(flags: Obj, name: str) -> None:
    config = ServerConfig(
        agent=AgentConfig(),
        oidc_issuer_url="https://issuer",
        oidc_client_id="minik",
        oidc_groups_claim="groups",
        oidc_required_claim=("hd=x",),
        **flags,
    )
    issuer = issuer_of_flags(config)
    assert issuer.claims.user({"sub": "jane", "email": "j@x", "hd": "x", "groups": "dev"}) == UserInfo(
        name, groups=("dev",)
    )
    with pytest.raises(ClaimsError):
        issuer.claims.user({"sub": "jane", "email": "j@x"})


def test_flags_that_do_not_fit_are_refused() -> None:
    with pytest.raises(StartupError, match="needs --oidc-client-id"):
        outside_identities(ServerConfig(agent=AgentConfig(), oidc_issuer_url="https://x"))
    with pytest.raises(StartupError, match="must begin with https"):
        outside_identities(ServerConfig(agent=AgentConfig(), oidc_issuer_url="http://x"))
