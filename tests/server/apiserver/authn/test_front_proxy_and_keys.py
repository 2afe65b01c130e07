"""Front proxies under other names, further keys of service accounts, a changed AuthenticationConfiguration."""

from pathlib import Path
from typing import Any

import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from minik.api.request import Request
from minik.api.types import Obj, UserInfo
from minik.config import AgentConfig, ServerConfig, StartupError
from minik.server.apiserver.authn.front_proxy import FrontProxy, front_proxy_of
from minik.server.apiserver.authn.oidc.configuration import authentication_of
from minik.server.apiserver.authn.signing_key import SigningKey, TokenInvalidError
from minik.server.apiserver.outside_identities import follow_authentication, outside_identities


@pytest.mark.parametrize(
    ("names", "name", "trusted"), [(("a", "b"), "b", True), (("a",), "b", False), ((), "anybody", True)]
)
def test_which_proxies_are_trusted(names: tuple[str, ...], name: str, trusted: bool) -> None:
    assert FrontProxy(names).trusts(name) is trusted


def test_headers_may_have_other_names() -> None:
    config = ServerConfig(
        agent=AgentConfig(),
        requestheader_username_headers=("X-User", "X-Other-User"),
        requestheader_group_headers=("X-Group", "X-More"),
        requestheader_extra_headers_prefix=("X-Extra-",),
    )
    headers = {"x-other-user": "jane", "x-group": "a\nb", "x-more": "c", "x-extra-k%2fx": "v", "x-remote-group": "no"}
    user = front_proxy_of(config).user(Request(method="GET", path="/", headers=headers))
    assert user == UserInfo("jane", "", ("a", "b", "c"), {"k/x": ("v",)})
    assert front_proxy_of(config).user(Request(method="GET", path="/", headers={"x-group": "a"})) is None


def test_tokens_of_keys_in_files_are_trusted(tmp_path: Path) -> None:
    own = SigningKey(ec.generate_private_key(ec.SECP256R1()))
    old = [ec.generate_private_key(ec.SECP256R1()), rsa.generate_private_key(65537, 2048)]
    first = old[0].private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    second = old[1].public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (tmp_path / "keys.pem").write_bytes(first + second)
    tokens = [SigningKey(key).sign({"sub": "x"}) for key in old]
    for token in tokens:
        with pytest.raises(TokenInvalidError):
            own.verify(token)
    own.trust(tmp_path / "keys.pem")
    assert [own.verify(token) for token in tokens] == [{"sub": "x"}] * 2
    (tmp_path / "none.pem").write_bytes(b"nothing")
    with pytest.raises(ValueError, match="no EC or RSA key"):
        own.trust(tmp_path / "none.pem")


def entry(**changes: Any) -> Obj:
    issuer = {"url": "https://issuer", "audiences": ["minik"]}
    mappings = {"username": {"claim": "sub", "prefix": ""}}
    whole: Obj = {"issuer": issuer, "claimMappings": mappings}
    for path, value in changes.items():
        outer, _, inner = path.partition("__")
        whole[outer] = {**whole.get(outer, {}), inner: value} if inner else value
    return whole


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"issuer__url": "https://u:p@issuer"}, "must not contain a username or password"),
        ({"issuer__url": "https://issuer?x=y"}, "must not contain a query"),
        ({"issuer__url": "https://issuer#x"}, "must not contain a fragment"),
        ({"issuer__discoveryURL": "https://issuer/"}, "must be different from URL"),
        ({"issuer__audiences": ["a", "a"]}, "Duplicate value"),
        ({"issuer__nonsense": 1}, "unknown field"),
        ({"claimMappings__username": {}}, "claim or expression is required"),
        ({"claimMappings__username": {"expression": "claims."}}, "compilation failed"),
        (
            {"claimMappings__username": {"expression": "claims.sub", "prefix": "x"}},
            "may not be specified when expression is set",
        ),
        ({"claimMappings__username": {"expression": "claims.email"}}, "claims.email_verified must be used"),
        ({"claimMappings__extra": [{"key": "plain", "valueExpression": "claims.x"}]}, "key: Invalid value"),
        ({"claimMappings__extra": [{"key": "x.k8s.io/y", "valueExpression": "claims.x"}]}, "reserved for Kubernetes"),
        ({"claimValidationRules": [{}]}, "claim or expression is required"),
        ({"claimValidationRules": [{"claim": "a", "message": "m"}]}, "may not be specified when claim is set"),
        ({"claimValidationRules": [{"expression": "claims.a"}]}, "must evaluate to bool"),
        (
            {"claimValidationRules": [{"claim": "a"}, {"claim": "a", "requiredValue": "b"}]},
            r"\[1\].claim: Duplicate value",
        ),
        ({"userValidationRules": [{"expression": "user.nope == ''"}]}, "undefined field 'nope'"),
        ({"claimValidationRules": [{"expression": "'a'"}]}, "must evaluate to bool"),
        ({"userValidationRules": [{"expression": "true"}] * 2}, "Duplicate value"),
    ],
)
def test_issuers_that_make_no_sense_are_refused(changes: Obj, why: str) -> None:
    document = {"kind": "AuthenticationConfiguration", "apiVersion": "apiserver.config.k8s.io/v1"}
    with pytest.raises(ValueError, match=why):
        authentication_of({**document, "jwt": [entry(**changes)]})


async def test_a_changed_authentication_configuration_is_in_force(tmp_path: Path) -> None:
    path = tmp_path / "authentication.json"
    document = {"kind": "AuthenticationConfiguration", "apiVersion": "apiserver.config.k8s.io/v1"}
    path.write_bytes(orjson.dumps({**document, "anonymous": {"enabled": True}}))
    config = ServerConfig(agent=AgentConfig(), authentication_config=str(path))
    identities = outside_identities(config)

    class Authenticator:
        anonymous, anonymous_paths = True, frozenset[str]()

    authenticator: Any = Authenticator()
    followed = follow_authentication(config, identities, authenticator)
    assert followed is not None
    anonymous = {"enabled": True, "conditions": [{"path": "/livez"}]}
    path.write_bytes(orjson.dumps({**document, "anonymous": anonymous, "jwt": [entry()]}))
    await followed.look()
    assert authenticator.anonymous_paths == {"/livez"}
    assert identities.issuers is not None
    assert list(identities.issuers._issuers) == ["https://issuer"]


def test_nobody_else_may_be_the_issuer_of_service_accounts(tmp_path: Path) -> None:
    path = tmp_path / "authentication.json"
    document = {"kind": "AuthenticationConfiguration", "apiVersion": "apiserver.config.k8s.io/v1"}
    path.write_bytes(orjson.dumps({**document, "jwt": [entry()]}))
    flags: Any = {"authentication_config": str(path), "service_account_issuer": ("https://issuer",)}
    with pytest.raises(StartupError, match="must not overlap with disallowed issuers"):
        outside_identities(ServerConfig(agent=AgentConfig(), **flags))
