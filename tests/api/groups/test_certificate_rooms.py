"""What is wrong with certificate requests, and how it is said."""

import base64
from typing import Any

import pytest

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
