"""PKCS#10 requests to the signers of kube-controller-manager: whether a signer takes one, and its certificate.

https://kubernetes.io/docs/reference/access-authn-authz/certificate-signing-requests/#kubernetes-signers
"""

from collections.abc import Collection
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from minik.server.certificates import Authority

API_SERVER_CLIENT = "kubernetes.io/kube-apiserver-client"
KUBELET_CLIENT = "kubernetes.io/kube-apiserver-client-kubelet"
KUBELET_SERVING = "kubernetes.io/kubelet-serving"
LONGEST = timedelta(days=365)
_BACKDATED = timedelta(minutes=5)
_EITHER_WAY = "key encipherment"  # RSA keys need it, others do not have it
_USAGES = {
    KUBELET_CLIENT: frozenset({"digital signature", "client auth"}),
    KUBELET_SERVING: frozenset({"digital signature", "server auth"}),
}
_EXTENDED = {"client auth": ExtendedKeyUsageOID.CLIENT_AUTH, "server auth": ExtendedKeyUsageOID.SERVER_AUTH}


def parse(pem: bytes) -> x509.CertificateSigningRequest:
    """Raises ValueError."""
    return x509.load_pem_x509_csr(pem)


def common_name(request: x509.CertificateSigningRequest) -> str:
    names = request.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(names[0].value) if names else ""


def refusal(signer: str, request: x509.CertificateSigningRequest, usages: Collection[str]) -> str:
    """Why the signer does not sign this; "" if it does."""
    if signer == API_SERVER_CLIENT:
        return _api_server_client(usages)
    if signer not in _USAGES:
        return f"unrecognized signer: {signer}"
    names, organizations = _names(request), request.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)
    if [name.value for name in organizations] != ["system:nodes"]:
        return "subject organization is not system:nodes"
    dns, addresses = names.get_values_for_type(x509.DNSName), names.get_values_for_type(x509.IPAddress)
    if signer == KUBELET_SERVING and not dns and not addresses:
        return "DNS or IP subjectAltName is required"
    if signer == KUBELET_CLIENT and dns:
        return "DNS subjectAltNames are not allowed"
    if names.get_values_for_type(x509.RFC822Name):
        return "Email subjectAltNames are not allowed"
    if signer == KUBELET_CLIENT and addresses:
        return "IP subjectAltNames are not allowed"
    if names.get_values_for_type(x509.UniformResourceIdentifier):
        return "URI subjectAltNames are not allowed"
    if {*usages} - {_EITHER_WAY} != _USAGES[signer]:
        return f"usages did not match [{' '.join(sorted(_USAGES[signer] | {_EITHER_WAY}))}]"
    if not common_name(request).startswith("system:node:"):
        return "subject common name does not begin with system:node:"
    return ""


def sign(
    authority: Authority,
    request: x509.CertificateSigningRequest,
    usages: Collection[str],
    lifetime: timedelta | None,
    now: datetime,
) -> x509.Certificate:
    """The certificate: subject, names and key as asked for, for at most a year and never longer than the CA.

    Raises ValueError for a key that cannot be certified or a signature that is not the key's.
    """
    key = request.public_key()
    if not isinstance(key, (rsa.RSAPublicKey, ec.EllipticCurvePublicKey, ed25519.Ed25519PublicKey)):
        raise ValueError("unsupported public key")
    if not request.is_signature_valid:
        raise ValueError("the signature of the request is not valid")
    until = min(now + min(lifetime or LONGEST, LONGEST), authority.certificate.not_valid_after_utc)
    builder = (
        x509.CertificateBuilder()
        .subject_name(request.subject)
        .issuer_name(authority.certificate.subject)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BACKDATED)
        .not_valid_after(until)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key()), critical=False)
    )
    if "digital signature" in usages or "key encipherment" in usages:
        builder = builder.add_extension(_key_usage(usages), critical=True)
    extended = [_EXTENDED[usage] for usage in sorted(usages) if usage in _EXTENDED]
    if extended:
        builder = builder.add_extension(x509.ExtendedKeyUsage(extended), critical=False)
    names = _names(request)
    if any(True for _ in names):
        builder = builder.add_extension(names, critical=False)
    return builder.sign(authority.key, hashes.SHA256())


def _api_server_client(usages: Collection[str]) -> str:
    for usage in usages:
        if usage not in ("digital signature", "key encipherment", "client auth"):
            return f"invalid usage for client certificate: {usage}"
    return "" if "client auth" in usages else "missing required usage for client certificate: client auth"


def _names(request: x509.CertificateSigningRequest) -> x509.SubjectAlternativeName:
    try:
        return request.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return x509.SubjectAlternativeName([])


def _key_usage(usages: Collection[str]) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature="digital signature" in usages,
        content_commitment=False,
        key_encipherment="key encipherment" in usages,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
