"""TokenRequest: who a token is for, how long it lives, what it is bound to."""

from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from minik.server.apiserver.authn.signing_key import SigningKey
from minik.server.apiserver.subresources.token import TokenEndpoint

ISSUER = "https://kubernetes.default.svc"
ACCOUNTS = "/api/v1/namespaces/default/serviceaccounts"
TOKEN = f"{ACCOUNTS}/a/token"


@pytest.fixture
async def key(api: Any) -> SigningKey:
    key = SigningKey(ec.generate_private_key(ec.SECP256R1()))
    endpoint = TokenEndpoint(key, ISSUER, (ISSUER,))
    api.server.dispatcher.add_subresource("token", endpoint.serve, plural="serviceaccounts")
    await api("POST", ACCOUNTS, {"metadata": {"name": "a"}})
    return key


async def test_a_token_says_whose_it_is(api: Any, key: SigningKey) -> None:
    status, answer = await api("POST", TOKEN, {})
    assert status == 201
    claims = key.verify(answer["status"]["token"])
    assert (claims["iss"], claims["aud"], claims["sub"]) == (ISSUER, [ISSUER], "system:serviceaccount:default:a")
    assert claims["exp"] - claims["iat"] == 3600
    assert answer["spec"] == {"audiences": [ISSUER], "expirationSeconds": 3600, "boundObjectRef": None}


async def test_a_pods_token_outlives_what_it_asked_for(api: Any, key: SigningKey) -> None:
    pod = await api.pod("p", serviceAccountName="a")
    spec = {"expirationSeconds": 3607, "boundObjectRef": {"kind": "Pod", "apiVersion": "v1", "name": "p"}}
    _, answer = await api("POST", TOKEN, {"spec": spec})
    claims = key.verify(answer["status"]["token"])
    assert claims["exp"] - claims["iat"] == 365 * 24 * 3600
    assert claims["kubernetes.io"]["warnafter"] - claims["iat"] == 3607
    assert claims["kubernetes.io"]["pod"] == {"name": "p", "uid": pod["metadata"]["uid"]}


@pytest.mark.parametrize(
    ("spec", "status"),
    [
        ({"expirationSeconds": 10}, 422),
        ({"expirationSeconds": 1 << 33}, 422),
        ({"boundObjectRef": {"kind": "Odd", "apiVersion": "v1", "name": "x"}}, 400),
        ({"boundObjectRef": {"kind": "Secret", "apiVersion": "v1", "name": "missing"}}, 404),
        ({"boundObjectRef": {"kind": "Pod", "apiVersion": "v1", "name": "p", "uid": "other"}}, 409),
    ],
)
async def test_bad_requests(api: Any, key: SigningKey, spec: Any, status: int) -> None:
    await api.pod("p", serviceAccountName="a")
    assert (await api("POST", TOKEN, {"spec": spec}))[0] == status
