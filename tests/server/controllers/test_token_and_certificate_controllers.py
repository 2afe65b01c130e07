import base64
from dataclasses import replace
from datetime import timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from fake_client import until

from minik.client.resources import CERTIFICATE_SIGNING_REQUESTS, CONFIG_MAPS, SECRETS, SERVICE_ACCOUNTS
from minik.server.certificates import KeyPair, certificate_pem, key_pem, new_key, self_signed_authority, write_file
from minik.server.controllers.bootstrap_tokens import BootstrapSigner, TokenCleaner, detached_signature
from minik.server.controllers.certificate_requests import CertificateApprover, CertificateCleaner, CertificateSigner
from minik.server.controllers.token_secrets import TokenSecretController, filled, legacy_claims

Obj = dict[str, Any]


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


# -- service account token Secrets


def token_secret(**data: str) -> Obj:
    notes = {"kubernetes.io/service-account.name": "sa"}
    metadata = {"name": "t", "namespace": "ns", "uid": "uid-t", "annotations": notes}
    return {"metadata": metadata, "type": "kubernetes.io/service-account-token", "data": data}


ACCOUNT: Obj = {"metadata": {"name": "sa", "namespace": "ns", "uid": "uid-sa"}}


def test_a_token_secret_is_filled_once() -> None:
    secret = filled(token_secret(extra="eA=="), ACCOUNT, "PEM", lambda claims: str(claims["sub"]))
    assert secret is not None
    assert secret["data"] == {
        "extra": "eA==",
        "token": encoded("system:serviceaccount:ns:sa"),
        "ca.crt": encoded("PEM"),
        "namespace": encoded("ns"),
    }
    assert secret["metadata"]["annotations"]["kubernetes.io/service-account.uid"] == "uid-sa"
    assert filled(secret, ACCOUNT, "PEM", lambda claims: "") is None
    assert legacy_claims(secret, ACCOUNT)["kubernetes.io/serviceaccount/secret.name"] == "t"


async def test_a_token_secret_goes_with_its_account(cluster: Any) -> None:
    cluster.client.add(SERVICE_ACCOUNTS, ACCOUNT)
    cluster.client.add(SECRETS, token_secret())
    cluster.start(lambda context: TokenSecretController(replace(context, sign_token=lambda claims: "token")))
    await until(lambda: cluster.client.find(SECRETS, "t", "ns")["data"].get("token"))
    cluster.client.remove(SERVICE_ACCOUNTS, "sa", "ns")
    await until(lambda: cluster.client.find(SECRETS, "t", "ns") is None)


# -- bootstrap tokens


def bootstrap_token(expiration: str) -> Obj:
    fields = {
        "token-id": "abcdef",
        "token-secret": "0123456789abcdef",
        "usage-bootstrap-signing": "true",
        "expiration": expiration,
    }
    return {
        "metadata": {"name": "bootstrap-token-abcdef", "namespace": "kube-system"},
        "type": "bootstrap.kubernetes.io/token",
        "data": {name: encoded(value) for name, value in fields.items()},
    }


async def test_cluster_info_is_signed_until_the_token_ends(cluster: Any) -> None:
    def data() -> Obj:
        found: Obj = cluster.client.find(CONFIG_MAPS, "cluster-info", "kube-public")["data"]
        return found

    metadata = {"name": "cluster-info", "namespace": "kube-public"}
    cluster.client.add(CONFIG_MAPS, {"metadata": metadata, "data": {"kubeconfig": "config"}})
    end = cluster.clock.now() + timedelta(hours=1)
    cluster.client.add(SECRETS, bootstrap_token(end.strftime("%Y-%m-%dT%H:%M:%SZ")))
    cluster.start(BootstrapSigner)
    cleaner = cluster.start(TokenCleaner)
    await until(lambda: "jws-kubeconfig-abcdef" in data())
    assert data()["jws-kubeconfig-abcdef"] == detached_signature("config", "abcdef", "0123456789abcdef")
    await until(lambda: cleaner.reconciled)
    cluster.clock.advance(3601)
    await until(lambda: not cluster.client.all(SECRETS))
    await until(lambda: [*data()] == ["kubeconfig"])


def test_a_detached_signature_has_no_content() -> None:
    header, content, signature = detached_signature("config", "abcdef", "0123456789abcdef").split(".")
    assert base64.urlsafe_b64decode(header + "==") == b'{"alg":"HS256","kid":"abcdef"}'
    assert not content
    assert len(signature) == 43


# -- certificate signing requests


def signing_request(*conditions: str) -> Obj:
    names = [
        x509.NameAttribute(NameOID.ORGANIZATION_NAME, "system:nodes"),
        x509.NameAttribute(NameOID.COMMON_NAME, "system:node:n1"),
    ]
    asked = x509.CertificateSigningRequestBuilder().subject_name(x509.Name(names)).sign(new_key(), hashes.SHA256())
    spec = {
        "request": base64.b64encode(asked.public_bytes(Encoding.PEM)).decode(),
        "signerName": "kubernetes.io/kube-apiserver-client-kubelet",
        "usages": ["digital signature", "client auth"],
        "username": "system:node:n1",
    }
    status = {"conditions": [{"type": type, "status": "True"} for type in conditions]} if conditions else {}
    return {"metadata": {"name": "r"}, "spec": spec, "status": status}


async def test_an_approved_request_is_signed_and_deleted_an_hour_later(cluster: Any, tmp_path: Any) -> None:
    authority = self_signed_authority("ca", cluster.clock.now(), timedelta(days=500), new_key())
    pair = KeyPair.named(tmp_path, "ca")
    write_file(pair.certificate, certificate_pem(authority.certificate))
    write_file(pair.key, key_pem(authority.key))
    cluster.settings = replace(cluster.settings, client_ca=pair)
    cluster.client.add(CERTIFICATE_SIGNING_REQUESTS, signing_request("Approved"))
    cluster.start(CertificateSigner)
    cleaner = cluster.start(CertificateCleaner)
    await until(lambda: cluster.client.find(CERTIFICATE_SIGNING_REQUESTS, "r")["status"].get("certificate"))
    await until(lambda: cleaner.reconciled >= 2)
    cluster.clock.advance(3601)
    await until(lambda: not cluster.client.all(CERTIFICATE_SIGNING_REQUESTS))


async def test_requests_wait_for_whoever_may_decide(cluster: Any) -> None:
    cluster.client.add(CERTIFICATE_SIGNING_REQUESTS, signing_request())
    signer = cluster.start(CertificateSigner)
    await until(lambda: signer.reconciled)
    assert cluster.client.calls == []


async def test_a_kubelet_asks_for_itself(cluster: Any) -> None:
    answers = iter([False, True])

    async def create(resource: Any, obj: Obj, *_: object, **__: object) -> Obj:
        reviews.append(obj["spec"]["resourceAttributes"]["subresource"])
        return {**obj, "status": {"allowed": next(answers)}}

    reviews: list[str] = []
    cluster.client.create = create
    cluster.client.add(CERTIFICATE_SIGNING_REQUESTS, signing_request())
    cluster.start(CertificateApprover)
    await until(lambda: len(reviews) == 2)
    assert reviews == ["selfnodeclient", "nodeclient"]
    await until(lambda: ("update", "certificatesigningrequests", "r/approval") in cluster.client.calls)
