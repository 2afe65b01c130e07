"""Who sends a request: certificates, front proxies, tokens, nobody."""

import base64
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding

from minik.api.request import Request
from minik.api.types import UserInfo
from minik.server.apiserver.authn.authenticator import Authenticator
from minik.server.apiserver.authn.service_account import ServiceAccountAuthenticator
from minik.server.apiserver.authn.signing_key import SigningKey
from minik.server.apiserver.authn.tokens import BootstrapTokens, StaticTokens, read_token_file
from minik.server.apiserver.authn.x509 import CertificateAuthenticator
from minik.server.certificates import Profile, issue, new_key, read_certificate
from minik.server.pki import ServerPki, ensure_server_pki, load_authority


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> ServerPki:
    return ensure_server_pki(tmp_path_factory.mktemp("tls"), ["localhost"])


@pytest.fixture
def authenticator(pki: ServerPki, objects: Any) -> Authenticator:
    key = SigningKey.load(pki.service_account_key)
    return Authenticator(
        CertificateAuthenticator(pki.client_ca.certificate, pki.request_header_ca.certificate),
        StaticTokens({"secret-token": UserInfo("static", groups=("g",))}),
        ServiceAccountAuthenticator(key, "https://issuer", objects),
        BootstrapTokens(objects),
        audiences=("https://issuer",),
    )


def der(path: Path) -> bytes:
    certificate = read_certificate(path)
    assert certificate is not None
    return certificate.public_bytes(Encoding.DER)


async def who(authenticator: Authenticator, **request: Any) -> UserInfo | None:
    return await authenticator.authenticate(Request(method="GET", path="/", **request))


async def test_a_client_certificate_names_user_and_groups(authenticator: Authenticator, pki: ServerPki) -> None:
    user = await who(authenticator, client_certificate=der(pki.admin.certificate))
    assert user is not None
    assert (user.name, user.groups) == ("system:admin", ("system:masters", "system:authenticated"))


async def test_a_serving_certificate_proves_nothing(authenticator: Authenticator, pki: ServerPki) -> None:
    profile = Profile(common_name="system:admin", organizations=("system:masters",), server=True)
    certificate = issue(load_authority(pki.client_ca), profile, new_key().public_key(), datetime.now(UTC))
    assert await who(authenticator, client_certificate=certificate.public_bytes(Encoding.DER)) is None


async def test_a_front_proxy_is_nobody_itself(authenticator: Authenticator, pki: ServerPki) -> None:
    assert await who(authenticator, client_certificate=der(pki.front_proxy_client.certificate)) is None


@pytest.mark.parametrize(("uids", "uid"), [((), ""), (("u-1",), "u-1"), (("u-1", "u-2"), None)])
async def test_certificates_may_have_a_uid(
    authenticator: Authenticator, pki: ServerPki, uids: Sequence[str], uid: str | None
) -> None:
    names = [x509.NameAttribute(x509.NameOID.COMMON_NAME, name) for name in ("x", "jane")]
    names += [x509.NameAttribute(x509.ObjectIdentifier("1.3.6.1.4.1.57683.2"), each) for each in uids]
    authority, now = load_authority(pki.client_ca), datetime.now(UTC)
    builder = x509.CertificateBuilder(authority.certificate.subject, x509.Name(names), new_key().public_key(), 1)
    certificate = (
        builder.not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .sign(authority.key, SHA256())
    )
    user = await who(authenticator, client_certificate=certificate.public_bytes(Encoding.DER))
    assert (None if user is None else user.uid) == uid
    assert user is None or user.name == "jane"


async def test_a_front_proxy_vouches_for_its_headers(authenticator: Authenticator, pki: ServerPki) -> None:
    headers = {"x-remote-user": "jane", "x-remote-group": "a\nb", "x-remote-extra-scopes%2fx": "y"}
    user = await who(authenticator, client_certificate=der(pki.front_proxy_client.certificate), headers=headers)
    assert user == UserInfo("jane", "", ("a", "b", "system:authenticated"), {"scopes/x": ("y",)})


async def test_its_headers_from_anybody_else_mean_nothing(authenticator: Authenticator, pki: ServerPki) -> None:
    user = await who(
        authenticator, client_certificate=der(pki.scheduler.certificate), headers={"x-remote-user": "system:admin"}
    )
    assert user is not None
    assert user.name == "system:kube-scheduler"


@pytest.mark.parametrize(
    ("headers", "name"),
    [
        ({}, "system:anonymous"),
        ({"authorization": "Bearer secret-token"}, "static"),
        ({"authorization": "bearer  secret-token"}, "static"),
        ({"authorization": "Bearer nonsense"}, None),
        ({"authorization": "Basic abc"}, "system:anonymous"),
        (
            {
                "sec-websocket-protocol": "v5.channel.k8s.io, base64url.bearer.authorization.k8s.io."
                + base64.urlsafe_b64encode(b"secret-token").rstrip(b"=").decode()
            },
            "static",
        ),
    ],
)
async def test_tokens(authenticator: Authenticator, headers: dict[str, str], name: str | None) -> None:
    user = await who(authenticator, headers=headers)
    assert (user.name if user else None) == name


@pytest.mark.parametrize(
    ("changes", "good"),
    [
        ({}, True),
        ({"usage-bootstrap-authentication": b"false"}, False),
        ({"expiration": b"2020-01-01T00:00:00Z"}, False),
        ({"expiration": b"2999-01-01T00:00:00Z"}, True),
        ({"token-secret": b"0000000000000000"}, False),
    ],
)
async def test_bootstrap_tokens(
    authenticator: Authenticator, objects: Any, changes: dict[str, bytes], good: bool
) -> None:
    data = {
        "token-id": b"abcdef",
        "token-secret": b"0123456789abcdef",
        "usage-bootstrap-authentication": b"true",
        "auth-extra-groups": b"system:bootstrappers:x",
        **changes,
    }
    secret = {
        "metadata": {"name": "bootstrap-token-abcdef", "namespace": "kube-system"},
        "type": "bootstrap.kubernetes.io/token",
        "data": {key: base64.b64encode(value).decode() for key, value in data.items()},
    }
    objects.add("secrets", secret)
    user = await who(authenticator, headers={"authorization": "Bearer abcdef.0123456789abcdef"})
    if not good:
        assert user is None
        return
    assert user is not None
    assert user.name == "system:bootstrap:abcdef"
    assert user.groups == ("system:bootstrappers", "system:bootstrappers:x", "system:authenticated")


def test_a_token_file(tmp_path: Path) -> None:
    path = tmp_path / "tokens.csv"
    path.write_text('t1,jane,7,"a,b"\nt2,joe,8\n')
    assert read_token_file(path) == {"t1": UserInfo("jane", "7", ("a", "b")), "t2": UserInfo("joe", "8")}
    path.write_text("t1,jane\n")
    with pytest.raises(ValueError, match=r"tokens\.csv:1"):
        read_token_file(path)
