"""What a kubelet may ask for in a Pod's name, what a signer may answer, and what a trust bundle holds."""

import base64
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, PSS
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from minik.api.groups.certificates import pod_certificate_validation

BETA = "certificates.k8s.io/v1beta1"
KEY, OTHER = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
NOW = datetime.now(UTC).replace(microsecond=0)
UID = "12345678"
IDENTITY = {
    "signerName": "a.b/c",
    **{f"{kind}Name": "x" for kind in ("pod", "serviceAccount", "node")},
    **{f"{kind}UID": UID for kind in ("pod", "serviceAccount", "node")},
}
ONE_WAY = "spec: Invalid value: exactly one of (stubPKCS10Request) or (pkixPublicKey, proofOfPossession) must be set"
BAD_PROOF = "spec.proofOfPossession: Invalid value: could not verify proof-of-possession signature"


def encoded(content: bytes) -> str:
    return base64.b64encode(content).decode()


def pkix(key: Any) -> str:
    return encoded(key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))


def proof(key: Any, text: str = UID) -> str:
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return encoded(key.sign(text.encode()))
    if isinstance(key, rsa.RSAPrivateKey):
        padding = PSS(MGF1(hashes.SHA256()), PSS.MAX_LENGTH)
        return encoded(key.sign(text.encode(), padding, hashes.SHA256()))
    return encoded(key.sign(text.encode(), ec.ECDSA(hashes.SHA256())))


def stub(key: Any = KEY) -> str:
    request = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).sign(key, hashes.SHA256())
    return encoded(request.public_bytes(Encoding.DER))


def certificate(key: Any = KEY, hours: float = 24, *, host: str = "", authority: bool | None = None) -> str:
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "e2e.example.com")])
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(NOW).not_valid_after(NOW + timedelta(hours=hours))
    if host:
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
    if authority is not None:
        builder = builder.add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM).decode()


def time(**after: float) -> str:
    return (NOW + timedelta(**after)).strftime("%Y-%m-%dT%H:%M:%SZ")


def condition(kind: str, status: str = "True") -> dict[str, str]:
    return {"type": kind, "status": status, "reason": "E2E", "message": "m", "lastTransitionTime": time()}


def issued(**fields: Any) -> dict[str, Any]:
    times = {"notBefore": time(), "notAfter": time(hours=24), "beginRefreshAt": time(hours=12)}
    return {"certificateChain": certificate(), **times, "conditions": [condition("Issued")], **fields}


@pytest.mark.parametrize(
    "make", [lambda: KEY, ed25519.Ed25519PrivateKey.generate, lambda: rsa.generate_private_key(65537, 3072)]
)
def test_who_asks_holds_the_key(post: Any, make: Callable[[], Any]) -> None:
    key = make()
    spec = {**IDENTITY, "pkixPublicKey": pkix(key), "proofOfPossession": proof(key)}
    assert post(BETA, "PodCertificateRequest", spec=spec).errors == []
    assert post(BETA, "PodCertificateRequest", spec={**spec, "podUID": "another"}).errors == [BAD_PROOF]


@pytest.mark.parametrize(
    ("fields", "errors"),
    [
        ({"stubPKCS10Request": stub()}, []),
        ({}, [ONE_WAY]),
        ({"stubPKCS10Request": stub(), "pkixPublicKey": pkix(KEY)}, [ONE_WAY]),
        ({"stubPKCS10Request": "bm8="}, ['spec.stubPKCS10Request: Invalid value: "bm8=": must be a valid PKCS#10 CSR']),
        (
            {"pkixPublicKey": "bm8=", "proofOfPossession": "bm8="},
            ['spec.pkixPublicKey: Invalid value: "bm8=": must be a valid PKIX-serialized public key'],
        ),
        (
            {"stubPKCS10Request": stub(rsa.generate_private_key(65537, 2048))},
            ['spec.stubPKCS10Request: Invalid value: "2048-bit modulus": RSA keys must have modulus size 3072 or 4096'],
        ),
        (
            {"stubPKCS10Request": stub(), "nodeUID": "", "podUID": "u" * 129},
            [
                "spec.podUID: Too long: may not be more than 128 bytes",
                'spec.nodeUID: Invalid value: "": must not be empty',
            ],
        ),
        (
            {"stubPKCS10Request": stub(), "signerName": "kubernetes.io/x", "maxExpirationSeconds": 86401},
            ["spec.maxExpirationSeconds: Invalid value: 86401: must be in the range [3600, 86400]"],
        ),
    ],
)
def test_requests_say_what_to_certify(post: Any, fields: dict[str, Any], errors: list[str]) -> None:
    assert post(BETA, "PodCertificateRequest", spec={**IDENTITY, **fields}).errors == errors


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    class Standing(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:  # type: ignore[override]
            return NOW

    monkeypatch.setattr(pod_certificate_validation, "datetime", Standing)


CHAIN = "status.certificateChain: Invalid value:"


@pytest.mark.parametrize(
    ("status", "complaint"),
    [
        (issued(), ""),
        (issued(certificateChain=certificate() + certificate(OTHER)), ""),
        ({"conditions": [condition("Denied")]}, ""),
        (issued(conditions=[]), 'status is immutable unless transitioning to "Issued", "Denied", or "Failed"'),
        (issued(conditions=[condition("Failed")]), "non-condition status fields must be empty when denying or failing"),
        (issued(conditions=[condition("Issued"), condition("Failed")]), "There may be at most one condition with type"),
        ({"conditions": [condition("Issued", "False")]}, 'Unsupported value: "False": supported values: "True"'),
        ({"conditions": [condition("Odd")]}, 'supported values: "Issued", "Denied", "Failed"'),
        (issued(certificateChain=""), f'{CHAIN} "": issued certificate chain must contain at least one certificate'),
        (issued(certificateChain=certificate(OTHER)), "leaf certificate was not issued to the requested public key"),
        (
            issued(certificateChain=certificate(host="a..b")),
            f'{CHAIN} "a..b": leaf certificate\'s DNSName should not contain',
        ),
        (issued(notAfter=None), "status.notAfter: Required value: must be present and consistent with the issued"),
        (issued(notAfter=time(hours=25)), "must be set to the NotAfter time encoded in the leaf certificate"),
        (
            issued(certificateChain=certificate(hours=0.5), notAfter=time(hours=0.5)),
            f"{CHAIN} 1800000000000: leaf certificate lifetime must be >= 1 hour",
        ),
        (
            issued(certificateChain=certificate(hours=25), notAfter=time(hours=25)),
            "leaf certificate lifetime must be <= spec.maxExpirationSeconds (86400)",
        ),
        (issued(beginRefreshAt=time(minutes=9)), "must be at least 10 minutes after status.notBefore"),
        (issued(beginRefreshAt=time(hours=24)), "must be at least 10 minutes before status.notAfter"),
    ],
)
def test_an_answer_fits_the_request(post: Any, put: Any, status: dict[str, Any], complaint: str) -> None:
    made = post(BETA, "PodCertificateRequest", spec={**IDENTITY, "stubPKCS10Request": stub()})
    answer = {key: value for key, value in status.items() if value is not None}
    answered = put(made, lambda new: new.update(status=answer), "status")
    assert [complaint in error for error in answered.errors] == ([True] if complaint else [])


def test_there_is_one_answer(post: Any, put: Any) -> None:
    made = post(BETA, "PodCertificateRequest", spec={**IDENTITY, "stubPKCS10Request": stub()})
    answered = put(made, lambda new: new.update(status=issued()), "status")
    assert put(answered, lambda new: new["status"]["conditions"][0].update(message="other"), "status") == answered
    errors = put(answered, lambda new: new["status"].pop("notAfter"), "status").errors
    assert errors == ["status: Invalid value: immutable after PodCertificateRequest is issued, denied, or failed"]


ANCHOR = certificate(authority=True)


@pytest.mark.parametrize(
    ("bundle", "complaint"),
    [
        (ANCHOR, ""),
        ("nothing", "at least one trust anchor must be provided"),
        (certificate(), "entry 0 does not have the CA bit set"),
        (ANCHOR + certificate(authority=False), "entry 1 does not have the CA bit set"),
        (ANCHOR.replace("-----\n", "-----\nA: b\n\n", 1), "entry 0 has PEM block headers"),
        (ANCHOR.replace("CERTIFICATE", "KEY"), "entry 0 has bad block type: KEY"),
        (ANCHOR + "a comment\n" + ANCHOR, "duplicate trust anchor (indices [0 1])"),
    ],
)
def test_bundles_are_of_authorities(post: Any, bundle: str, complaint: str) -> None:
    errors = post(BETA, "ClusterTrustBundle", spec={"trustBundle": bundle}).errors
    assert errors == ([f'spec.trustBundle: Invalid value: "<value omitted>": {complaint}'] if complaint else [])
