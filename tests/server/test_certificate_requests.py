from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from minik.server.certificate_requests import (
    API_SERVER_CLIENT,
    KUBELET_CLIENT,
    KUBELET_SERVING,
    parse,
    refusal,
    sign,
)
from minik.server.certificates import new_key, self_signed_authority, subject_alternative_names

NOW = datetime(2026, 1, 2, tzinfo=UTC)
NODE = "system:node:n1"


def request(name: str, organization: str = "system:nodes", *sans: x509.GeneralName) -> x509.CertificateSigningRequest:
    attributes = [
        x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization),
        x509.NameAttribute(NameOID.COMMON_NAME, name),
    ]
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name(attributes))
    if sans:
        builder = builder.add_extension(x509.SubjectAlternativeName(sans), critical=False)
    return parse(builder.sign(new_key(), hashes.SHA256()).public_bytes(Encoding.PEM))


DNS, MAIL = x509.DNSName("n1"), x509.RFC822Name("a@b.c")
CLIENT, SERVER = ("digital signature", "client auth"), ("digital signature", "key encipherment", "server auth")


@pytest.mark.parametrize(
    ("signer", "asked", "usages", "why"),
    [
        (KUBELET_CLIENT, request(NODE), CLIENT, ""),
        (KUBELET_CLIENT, request(NODE), SERVER, "usages did not match"),
        (KUBELET_CLIENT, request(NODE, "dev"), CLIENT, "subject organization is not system:nodes"),
        (KUBELET_CLIENT, request("jane"), CLIENT, "subject common name does not begin with system:node:"),
        (KUBELET_CLIENT, request(NODE, "system:nodes", DNS), CLIENT, "DNS subjectAltNames are not allowed"),
        (KUBELET_SERVING, request(NODE, "system:nodes", DNS), SERVER, ""),
        (KUBELET_SERVING, request(NODE), SERVER, "DNS or IP subjectAltName is required"),
        (KUBELET_SERVING, request(NODE, "system:nodes", DNS, MAIL), SERVER, "Email subjectAltNames are not allowed"),
        (API_SERVER_CLIENT, request("jane", "dev"), ("client auth",), ""),
        (API_SERVER_CLIENT, request("jane", "dev"), SERVER, "invalid usage for client certificate: server auth"),
        (API_SERVER_CLIENT, request("jane", "dev"), (), "missing required usage"),
    ],
)
def test_what_a_signer_takes(
    signer: str, asked: x509.CertificateSigningRequest, usages: tuple[str, ...], why: str
) -> None:
    found = refusal(signer, asked, usages)
    assert found.startswith(why)
    assert bool(found) == bool(why)


def test_a_certificate_is_what_was_asked_for_and_ends_in_time() -> None:
    authority = self_signed_authority("ca", NOW, timedelta(days=500), new_key())
    asked = request(NODE, "system:nodes", DNS)
    certificate = sign(authority, asked, SERVER, timedelta(hours=1), NOW)
    certificate.verify_directly_issued_by(authority.certificate)
    assert certificate.subject == asked.subject
    assert subject_alternative_names(certificate) == {"n1"}
    assert certificate.not_valid_after_utc == NOW + timedelta(hours=1)
    assert sign(authority, asked, SERVER, None, NOW).not_valid_after_utc == NOW + timedelta(days=365)
