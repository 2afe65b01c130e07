"""The cryptography in PodCertificateRequests: the key that a certificate is asked for, and certificates as PEM.

https://kubernetes.io/docs/reference/access-authn-authz/certificate-signing-requests/#pod-certificate-requests
"""

import base64
import binascii
import re
from typing import TYPE_CHECKING, Any

from minik.api.validation import OMITTED, FieldError, invalid_value

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

_CURVES = {"secp256r1": "P-256", "secp384r1": "P-384", "secp521r1": "P-521"}
_CURVES_REFUSED = {"secp224r1": "P-224"}
_RSA_SIZES = (3072, 4096)
_UNKNOWN = "unknown public key type; supported types are Ed25519, ECDSA, and RSA"
_PEM = re.compile(r"-----BEGIN ([^-\n]*)-----\n(.*?)-----END \1-----", re.DOTALL)


def decoded(text: object) -> bytes:
    """What a field of bytes holds; b"" when it is none."""
    try:
        return base64.b64decode(str(text or ""), validate=True)
    except binascii.Error:
        return b""


def public_key(der: bytes) -> Any:
    """Raises ValueError when these bytes are no PKIX public key."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_der_public_key

    try:
        return load_der_public_key(der)
    except UnsupportedAlgorithm as error:
        raise ValueError(str(error)) from None


def request_key(der: bytes) -> Any:
    """The key that signed a PKCS#10 request. Raises ValueError when it is none or another key signed it."""
    from cryptography import x509

    request = x509.load_der_x509_csr(der)
    if not request.is_signature_valid:
        raise ValueError("signature")
    return request.public_key()


def same_key(one: Any, other: Any) -> bool:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    first, second = (key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo) for key in (one, other))
    return bool(first == second)


def key_errors(key: Any, path: str, shown: object) -> list[FieldError]:
    """Whether a key is of the kinds that may be certified."""
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

    if isinstance(key, ec.EllipticCurvePublicKey):
        if key.curve.name in _CURVES:
            return []
        curve = _CURVES_REFUSED.get(key.curve.name, key.curve.name)
        return [invalid_value(path, f"curve {curve}", "elliptic public keys must use curve P256 or P384")]
    if isinstance(key, rsa.RSAPublicKey):
        if key.key_size in _RSA_SIZES:
            return []
        return [invalid_value(path, f"{key.key_size}-bit modulus", "RSA keys must have modulus size 3072 or 4096")]
    return [] if isinstance(key, ed25519.Ed25519PublicKey) else [invalid_value(path, shown, _UNKNOWN)]


def proof_errors(key: Any, pod_uid: str, proof: bytes, path: str) -> list[FieldError]:
    """Whether who asks holds the private key: it has signed the Pod's uid."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
    from cryptography.hazmat.primitives.hashes import SHA256

    content = pod_uid.encode()
    try:
        if isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(proof, content, ec.ECDSA(SHA256()))
        elif isinstance(key, rsa.RSAPublicKey):
            key.verify(proof, content, padding.PSS(padding.MGF1(SHA256()), padding.PSS.AUTO), SHA256())
        else:
            key.verify(proof, content)
    except InvalidSignature:
        return [invalid_value(path, OMITTED, "could not verify proof-of-possession signature")]
    return []


def blocks(text: str) -> list[tuple[str, str]]:
    """(type, whole block) of each PEM block."""
    return [(found[1], found[0] + "\n") for found in _PEM.finditer(text)]


def certificate(block: str) -> "Certificate | None":
    from cryptography import x509

    try:
        return x509.load_pem_x509_certificate(block.encode())
    except ValueError:
        return None


def alternative_names(leaf: "Certificate") -> tuple[list[str], list[str]]:
    """The names of hosts, and the e-mail addresses, that a certificate is for."""
    from cryptography import x509

    try:
        found = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError):
        return [], []
    return found.get_values_for_type(x509.DNSName), found.get_values_for_type(x509.RFC822Name)
