"""What is wrong with certificate requests, and how it is said."""

import base64
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding

CERTIFICATES = "certificates.k8s.io/v1"
NO_BLOCK = "PEM block type must be CERTIFICATE REQUEST"


def pem(kind: str, content: bytes) -> str:
    body = base64.b64encode(content).decode()
    return base64.b64encode(f"-----BEGIN {kind}-----\n{body}\n-----END {kind}-----\n".encode()).decode()


@pytest.mark.parametrize(
    ("request_", "complaint"),
    [
        (base64.b64encode(b"nothing").decode(), NO_BLOCK),
        (pem("CERTIFICATE", b"not"), NO_BLOCK),
        (
            pem("CERTIFICATE REQUEST", b"not"),
            "asn1: structure error: tags don't match (16 vs {class:1 tag:14 length:111 isCompound:true}) "
            "{optional:false explicit:false application:false private:false defaultValue:<nil> tag:<nil> stringType:0 "
            "timeType:0 set:false omitEmpty:false} certificateRequest @2",
        ),
    ],
)
def test_wrong_requests_are_refused(post: Any, request_: str, complaint: str) -> None:
    spec = {"request": request_, "usages": ["any"], "signerName": "a.b/c"}
    [error] = post(CERTIFICATES, "CertificateSigningRequest", spec=spec).errors
    assert error == f'spec.request: Invalid value: "{request_}": {complaint}'


@pytest.mark.parametrize(
    ("key", "complaint"),
    [
        (ec.generate_private_key(ec.SECP256R1()), "x509: ECDSA verification failure"),
        (ed25519.Ed25519PrivateKey.generate(), "x509: Ed25519 verification failure"),
    ],
)
def test_a_request_is_signed_by_its_own_key(post: Any, key: Any, complaint: str) -> None:
    algorithm = hashes.SHA256() if isinstance(key, ec.EllipticCurvePrivateKey) else None
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "somebody")])
    der = x509.CertificateSigningRequestBuilder().subject_name(name).sign(key, algorithm).public_bytes(Encoding.DER)
    for content, complaints in ((der, []), (der.replace(b"somebody", b"anybody!"), [complaint])):
        request = pem("CERTIFICATE REQUEST", content)
        spec = {"request": request, "usages": ["any"], "signerName": "a.b/c"}
        errors = post(CERTIFICATES, "CertificateSigningRequest", spec=spec).errors
        assert errors == [f'spec.request: Invalid value: "{request}": {text}' for text in complaints]


@pytest.mark.parametrize(
    ("certificate", "complaint"),
    [
        (base64.b64encode(b"nothing").decode(), "must contain at least one CERTIFICATE PEM block"),
        (pem("CERTIFICATE", b"not"), "x509: malformed certificate"),
        (pem("CERTIFICATE REQUEST", b"not"), 'only CERTIFICATE PEM blocks are allowed, found "CERTIFICATE REQUEST"'),
    ],
)
def test_wrong_certificates_are_refused(post: Any, put: Any, certificate: str, complaint: str) -> None:
    made = post(CERTIFICATES, "CertificateSigningRequest", spec={"signerName": "a.b/c"})
    [error] = put(made, lambda new: new.update(status={"certificate": certificate}), "status").errors
    assert error.endswith(complaint)


def condition(kind: str, **fields: Any) -> dict[str, Any]:
    return {"type": kind, "status": "True", **fields}


TIMES = {"lastUpdateTime": "2026-01-01T00:00:00Z", "lastTransitionTime": "2026-01-01T00:00:00Z"}
REASONED = """updates may not modify a condition of type "Denied"
@@ -2,7 +2,7 @@
  {
   "Type": "Denied",
   "Status": "True",
-  "Reason": "",
+  "Reason": "R",
   "Message": "",
   "LastUpdateTime": "2026-01-01T00:00:00Z",
   "LastTransitionTime": "2026-01-01T00:00:00Z"
"""


@pytest.mark.parametrize(
    ("door", "before", "after", "complaints"),
    [
        ("approval", [], [condition("Approved")], []),
        ("approval", [condition("Approved")], [condition("Approved", reason="R")], []),
        ("status", [], [condition("Failed")], []),
        ("status", [condition("Failed")], [condition("Failed", reason="R")], []),
        ("status", [], [condition("Approved")], ['Forbidden: updates may not add a condition of type "Approved"']),
        ("status", [condition("Denied")], [condition("Denied", reason="R")], [f"Forbidden: {REASONED}"]),
        (
            "approval",
            [condition("Approved")],
            [condition("Approved"), condition("Denied")],
            ['Invalid value: "Denied": Approved and Denied conditions are mutually exclusive'],
        ),
        (
            "approval",
            [condition("Failed"), condition("Approved")],
            [],
            [f'Forbidden: updates may not remove a condition of type "{kind}"' for kind in ("Approved", "Failed")],
        ),
    ],
)
def test_each_door_decides_its_own(
    post: Any, put: Any, door: str, before: list[Any], after: list[Any], complaints: list[str]
) -> None:
    made = post(CERTIFICATES, "CertificateSigningRequest", spec={"signerName": "a.b/c"})
    made["status"] = {"conditions": [{**each, **TIMES} for each in before]}
    wanted = {"conditions": [{**each, **TIMES} for each in after]}
    errors = put(made, lambda new: new.update(status=wanted), door).errors
    assert errors == [f"status.conditions: {text}" for text in complaints]


def test_a_certificate_is_delivered_once(post: Any, put: Any) -> None:
    made = post(CERTIFICATES, "CertificateSigningRequest", spec={"signerName": "a.b/c"})
    made["status"] = {"certificate": pem("CERTIFICATE", b"not")}
    errors = put(made, lambda new: new.update(status={}), "status").errors
    assert errors == ["status.certificate: Forbidden: updates may not modify existing certificate content"]
