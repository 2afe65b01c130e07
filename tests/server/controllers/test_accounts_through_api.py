"""Accounts, tokens, certificates and roles in a whole server: what its controllers add, sign and take away."""

import base64
import secrets
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from harness.cluster import eventually
from harness.objects import Obj, Objects, conditions
from minik.server.certificates import new_key

SOON = {"within": 15.0, "every": 0.02}
CLIENT = "kubernetes.io/kube-apiserver-client"


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def test_a_namespace_keeps_its_account_and_the_clusters_authority(objects: Objects) -> None:
    account = objects.get("serviceaccounts", "default")
    objects.delete("serviceaccounts", "default")

    def is_new() -> bool:
        found = objects.find("serviceaccounts", "default")
        return found is not None and found["metadata"]["uid"] != account["metadata"]["uid"]

    eventually(is_new, what="a new default account", **SOON)
    bundle = objects.get("configmaps", "kube-root-ca.crt")["data"]
    assert "BEGIN CERTIFICATE" in bundle["ca.crt"]
    objects.patch("configmaps", "kube-root-ca.crt", {"data": {"ca.crt": "changed"}})
    eventually(lambda: objects.get("configmaps", "kube-root-ca.crt")["data"] == bundle, what="the authority", **SOON)


def test_a_token_secret_is_filled_and_goes_with_its_account(objects: Objects) -> None:
    objects.create("serviceaccounts", "robot")
    for_robot = {"kubernetes.io/service-account.name": "robot"}
    kind = {"type": "kubernetes.io/service-account-token"}
    objects.create("secrets", "robot-token", kind, annotations=for_robot)
    data: Obj = eventually(lambda: objects.get("secrets", "robot-token").get("data"), what="the token", **SOON)
    assert sorted(data) == ["ca.crt", "namespace", "token"]
    review = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview"}
    spec = {"token": base64.b64decode(data["token"]).decode()}
    answer = objects.call("POST", "/apis/authentication.k8s.io/v1/tokenreviews", {**review, "spec": spec})
    assert answer["status"]["user"]["username"] == f"system:serviceaccount:{objects.namespace}:robot"
    objects.delete("serviceaccounts", "robot")
    eventually(lambda: objects.is_gone("secrets", "robot-token"), **SOON)


@pytest.fixture
def own_name(objects: Objects) -> str:
    """For objects that have no namespace."""
    return f"x-{objects.namespace}"


def test_roles_gather_the_rules_of_those_their_labels_pick(objects: Objects, own_name: str) -> None:
    label = {f"example.com/{own_name}": "true"}
    rule = {"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}
    whole = {"aggregationRule": {"clusterRoleSelectors": [{"matchLabels": label}]}, "rules": []}
    objects.create("clusterroles", own_name, whole)
    objects.create("clusterroles", f"{own_name}-part", {"rules": [rule]}, labels=label)
    try:
        eventually(lambda: objects.get("clusterroles", own_name)["rules"] == [rule], what="the rules", **SOON)
        objects.delete("clusterroles", f"{own_name}-part")
        eventually(lambda: not objects.get("clusterroles", own_name).get("rules"), what="no rules", **SOON)
    finally:
        objects.delete("clusterroles", own_name)


def request_of(name: str, organization: str) -> str:
    subject = x509.Name(
        [x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization), x509.NameAttribute(NameOID.COMMON_NAME, name)]
    )
    built = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(new_key(), hashes.SHA256())
    return base64.b64encode(built.public_bytes(Encoding.PEM)).decode()


def certificate_of(objects: Objects, name: str) -> x509.Certificate | None:
    found = objects.get("certificatesigningrequests", name)["status"].get("certificate")
    return x509.load_pem_x509_certificate(base64.b64decode(found)) if found else None


def test_approved_requests_are_signed_and_nodes_are_approved(objects: Objects, own_name: str) -> None:
    jane = {"request": request_of("jane", "dev"), "signerName": CLIENT, "usages": ["client auth"]}
    objects.create("certificatesigningrequests", own_name, {"spec": {**jane, "expirationSeconds": 3600}})
    assert "certificate" not in objects.get("certificatesigningrequests", own_name)["status"]
    approval = {"conditions": [{"type": "Approved", "status": "True", "reason": "Test", "message": "fine"}]}
    objects.patch("certificatesigningrequests", own_name, {"status": approval}, subresource="approval")
    signed = eventually(lambda: certificate_of(objects, own_name), what="the certificate", **SOON)
    assert signed.subject.rfc4514_string() == "CN=jane,O=dev"
    assert signed.not_valid_after_utc - datetime.now(UTC) < timedelta(hours=1)

    node = {"signerName": "kubernetes.io/kube-apiserver-client-kubelet", "usages": ["client auth"]}
    usages = ["digital signature", "client auth"]
    spec = {**node, "request": request_of("system:node:n7", "system:nodes"), "usages": usages}
    objects.create("certificatesigningrequests", f"{own_name}-node", {"spec": spec})
    eventually(lambda: certificate_of(objects, f"{own_name}-node"), what="the node's certificate", **SOON)
    (approved,) = conditions(objects.get("certificatesigningrequests", f"{own_name}-node")).values()
    assert approved[1:] == ("AutoApproved", "Auto approving kubelet client certificate after SubjectAccessReview.")
    for name in (own_name, f"{own_name}-node"):
        objects.delete("certificatesigningrequests", name)


def test_bootstrap_tokens_sign_the_clusters_facts_until_they_end(objects: Objects) -> None:
    system, public = Objects(objects.wire, "kube-system"), Objects(objects.wire, "kube-public")
    token = secrets.token_hex(3)
    data = {"token-id": encoded(token), "token-secret": encoded("0123456789abcdef")}
    content = {"type": "bootstrap.kubernetes.io/token", "data": {**data, "usage-bootstrap-signing": encoded("true")}}
    if public.find("configmaps", "cluster-info") is None:
        public.create("configmaps", "cluster-info", {"data": {"kubeconfig": "facts"}})
    signature = f"jws-kubeconfig-{token}"
    system.create("secrets", f"bootstrap-token-{token}", content)
    eventually(lambda: signature in public.get("configmaps", "cluster-info")["data"], what="the signature", **SOON)
    past = (datetime.now(UTC) + timedelta(seconds=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    system.patch("secrets", f"bootstrap-token-{token}", {"data": {"expiration": encoded(past)}})
    eventually(lambda: system.is_gone("secrets", f"bootstrap-token-{token}"), **SOON)
    eventually(lambda: signature not in public.get("configmaps", "cluster-info")["data"], what="no signature", **SOON)
