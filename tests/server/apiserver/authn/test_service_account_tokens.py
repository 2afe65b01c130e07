"""Service account tokens: good while what they are bound to is there."""

from typing import Any

import pytest

from minik.server.apiserver.authn.service_account import ServiceAccountAuthenticator, claims, legacy_claims
from minik.server.apiserver.authn.signing_key import SigningKey, TokenInvalidError, jwks, openid_configuration
from minik.server.certificates import new_key, new_rsa_key

ISSUER = "https://kubernetes.default.svc.cluster.local"
NOW = 1_800_000_000


@pytest.fixture(scope="module")
def key() -> SigningKey:
    return SigningKey(new_rsa_key())


@pytest.fixture
def account(objects: Any, named: Any) -> Any:
    return objects.add("serviceaccounts", named("s"))


def authenticator(key: SigningKey, objects: Any, now: int = NOW) -> ServiceAccountAuthenticator:
    return ServiceAccountAuthenticator(key, ISSUER, objects, clock=lambda: now)


def token(key: SigningKey, account: Any, **bound: Any) -> str:
    return key.sign(claims(issuer=ISSUER, account=account, audiences=[ISSUER], lifetime=600, now=NOW, **bound))


def test_the_user_of_a_token(key: SigningKey, objects: Any, account: Any) -> None:
    found = authenticator(key, objects).authenticate(token(key, account), [ISSUER, "other"])
    assert found is not None
    assert found.user.name == "system:serviceaccount:ns:s"
    assert found.user.groups == ("system:serviceaccounts", "system:serviceaccounts:ns")
    assert found.audiences == [ISSUER]
    assert found.user.extra["authentication.kubernetes.io/credential-id"][0].startswith("JTI=")


def test_a_token_for_somebody_else_is_refused(key: SigningKey, objects: Any, account: Any) -> None:
    with pytest.raises(TokenInvalidError, match="is invalid for the target audiences"):
        authenticator(key, objects).authenticate(token(key, account), ["other"])


@pytest.mark.parametrize(("later", "good"), [(0, True), (630, True), (700, False), (-30, True), (-100, False)])
def test_a_token_lives_from_nbf_to_exp_give_or_take_a_minute(
    key: SigningKey, objects: Any, account: Any, later: int, good: bool
) -> None:
    check = authenticator(key, objects, NOW + later)
    if good:
        assert check.authenticate(token(key, account), [ISSUER])
    else:
        with pytest.raises(TokenInvalidError):
            check.authenticate(token(key, account), [ISSUER])


def test_a_deleted_account_ends_its_tokens_at_once(key: SigningKey, objects: Any, account: Any) -> None:
    check, issued = authenticator(key, objects), token(key, account)
    assert check.authenticate(issued, [ISSUER])
    objects.remove("serviceaccounts", "s", "ns")
    with pytest.raises(TokenInvalidError, match="not found"):
        check.authenticate(issued, [ISSUER])


def test_a_recreated_account_is_another(key: SigningKey, objects: Any, account: Any, named: Any) -> None:
    issued = token(key, account)
    fresh = named("s")
    fresh["metadata"]["uid"] = "another"
    objects.add("serviceaccounts", fresh)
    with pytest.raises(TokenInvalidError, match="does not match claim"):
        authenticator(key, objects).authenticate(issued, [ISSUER])


def test_a_token_bound_to_a_pod_ends_with_it(key: SigningKey, objects: Any, account: Any, named: Any) -> None:
    pod, node = objects.add("pods", named("p")), objects.add("nodes", named("n", ""))
    check, issued = authenticator(key, objects), token(key, account, pod=pod, node=node)
    found = check.authenticate(issued, [ISSUER])
    assert found is not None
    assert found.user.extra["authentication.kubernetes.io/pod-name"] == ("p",)
    assert found.user.extra["authentication.kubernetes.io/node-name"] == ("n",)
    objects.remove("pods", "p", "ns")
    with pytest.raises(TokenInvalidError, match="invalidated"):
        check.authenticate(issued, [ISSUER])


def test_a_token_signed_by_another_key_is_not_ours(key: SigningKey, objects: Any, account: Any) -> None:
    assert authenticator(key, objects).authenticate(token(SigningKey(new_key()), account), [ISSUER]) is None
    assert authenticator(key, objects).authenticate("aaa.bbb.ccc", [ISSUER]) is None


def test_a_token_kept_in_a_secret_is_good_as_long_as_the_secret_holds_it(
    key: SigningKey, objects: Any, account: Any, named: Any
) -> None:
    import base64

    secret = objects.add("secrets", named("t"))
    issued = key.sign(legacy_claims(account, secret))
    secret["data"] = {"token": base64.b64encode(issued.encode()).decode()}
    assert authenticator(key, objects).authenticate(issued, [ISSUER])
    secret["data"] = {}
    with pytest.raises(TokenInvalidError, match="server's copy"):
        authenticator(key, objects).authenticate(issued, [ISSUER])


def test_the_published_keys_verify_what_is_signed(key: SigningKey) -> None:
    import jwt

    published = jwt.PyJWKSet.from_dict(jwks(key.public_keys))
    issued = key.sign({"sub": "x"})
    header = jwt.get_unverified_header(issued)
    assert header == {"alg": "RS256", "kid": published.keys[0].key_id}
    assert jwt.decode(issued, published.keys[0], algorithms=["RS256"]) == {"sub": "x"}
    document = openid_configuration(ISSUER, "https://x/openid/v1/jwks", list(key.public_keys.values()))
    assert document["id_token_signing_alg_values_supported"] == ["RS256"]
