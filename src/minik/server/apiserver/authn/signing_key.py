"""The keys behind service account tokens: signing, verifying, and the documents that publish them.

JWT work is PyJWT's, imported when the first token comes along. Documents: OpenID Connect discovery,
https://kubernetes.io/docs/tasks/configure-pod-container/configure-service-account/#service-account-issuer-discovery
"""

import base64
import re
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from minik.api.types import Obj

PublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey
JWKS_PATH = "/openid/v1/jwks"
_PEM = re.compile(rb"-----BEGIN ([A-Z ]+)-----.*?-----END \1-----\n?", re.DOTALL)
_CURVES = {
    "secp256r1": ("P-256", "ES256", 32),
    "secp384r1": ("P-384", "ES384", 48),
    "secp521r1": ("P-521", "ES512", 66),
}


class TokenInvalidError(Exception):
    """A token that is not (or no longer) good. The message is what a TokenReview says about it."""


class SigningKey:
    """One private key that signs, and the public keys that verify (at least its own)."""

    def __init__(self, private: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> None:
        self._private = private
        own = private.public_key()
        self.key_id = key_id(own)
        self.algorithm = algorithm(own)
        self.public_keys: dict[str, PublicKey] = {self.key_id: own}

    @classmethod
    def load(cls, path: Path) -> "SigningKey":
        # Our own file: proving the primes of an RSA key anew at every start would cost 20 ms.
        key = load_pem_private_key(path.read_bytes(), password=None, unsafe_skip_rsa_key_validation=True)
        if not isinstance(key, (rsa.RSAPrivateKey, ec.EllipticCurvePrivateKey)):
            raise ValueError(f"{path} holds a private key that is neither EC nor RSA")
        return cls(key)

    def trust(self, path: Path) -> None:
        """Verify with the keys of a PEM file, too: public keys, private keys or certificates. Raises ValueError."""
        for key in _keys_of(path):
            self.public_keys.setdefault(key_id(key), key)

    def sign(self, claims: Mapping[str, Any]) -> str:
        """A compact JWT; its header holds `alg` and `kid` only, as upstream's."""
        import jwt

        headers = {"kid": self.key_id, "typ": ""}
        return jwt.encode(dict(claims), self._private, algorithm=self.algorithm, headers=headers)

    def verify(self, token: str) -> Obj:
        """The claims, once the signature holds; times are not looked at. Raises TokenInvalidError."""
        import jwt

        try:
            wanted = jwt.get_unverified_header(token).get("kid")
            for name, key in self.public_keys.items():
                if wanted and wanted != name:
                    continue
                claims: Obj = jwt.decode(token, key, algorithms=[algorithm(key)], options=_SIGNATURE_ONLY)
                return claims
        except jwt.PyJWTError:
            raise TokenInvalidError("invalid bearer token") from None
        raise TokenInvalidError("invalid bearer token")


_SIGNATURE_ONLY: Any = {
    "verify_signature": True,
    "verify_exp": False,
    "verify_nbf": False,
    "verify_iat": False,
    "verify_aud": False,
    "verify_iss": False,
    "verify_sub": False,
    "verify_jti": False,
}


def _keys_of(path: Path) -> list[PublicKey]:
    """https://kubernetes.io/docs/reference/command-line-tools-reference/kube-apiserver/ --service-account-key-file"""
    found: list[PublicKey] = []
    for block in (found[0] for found in _PEM.finditer(path.read_bytes())):
        if b"PRIVATE KEY" in block:
            key: Any = load_pem_private_key(block, password=None).public_key()
        elif b"CERTIFICATE" in block:
            from cryptography.x509 import load_pem_x509_certificate

            key = load_pem_x509_certificate(block).public_key()
        else:
            key = load_pem_public_key(block)
        if isinstance(key, (rsa.RSAPublicKey, ec.EllipticCurvePublicKey)):
            found.append(key)
    if not found:
        raise ValueError(f"{path} holds no EC or RSA key")
    return found


def key_id(key: PublicKey) -> str:
    """Upstream's: the base64url SHA-256 of the public key in PKIX form."""
    return _base64url(sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).digest())


def algorithm(key: PublicKey) -> str:
    return "RS256" if isinstance(key, rsa.RSAPublicKey) else _CURVES[key.curve.name][1]


def openid_configuration(issuer: str, jwks_uri: str, keys: Sequence[PublicKey]) -> Obj:
    """/.well-known/openid-configuration"""
    return {
        "issuer": issuer,
        "jwks_uri": jwks_uri,
        "response_types_supported": ["id_token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": sorted({algorithm(key) for key in keys}),
    }


def jwks(keys: Mapping[str, PublicKey]) -> Obj:
    """/openid/v1/jwks"""
    return {"keys": [_jwk(name, key) for name, key in keys.items()]}


def _jwk(name: str, key: PublicKey) -> Obj:
    if isinstance(key, rsa.RSAPublicKey):
        numbers = key.public_numbers()
        out = {"use": "sig", "kty": "RSA", "kid": name, "alg": "RS256"}
        return out | {"n": _integer(numbers.n), "e": _integer(numbers.e)}
    curve, name_of_algorithm, size = _CURVES[key.curve.name]
    point = key.public_numbers()
    out = {"use": "sig", "kty": "EC", "kid": name, "crv": curve, "alg": name_of_algorithm}
    return out | {"x": _base64url(point.x.to_bytes(size, "big")), "y": _base64url(point.y.to_bytes(size, "big"))}


def _integer(value: int) -> str:
    return _base64url(value.to_bytes((value.bit_length() + 7) // 8, "big"))


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
