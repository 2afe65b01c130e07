"""Client certificates: the common name is the user, the organizations are the groups.

TLS has verified the chain already. https://kubernetes.io/docs/reference/access-authn-authz/authentication/#x509-client-certificates
"""

import time
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

from minik.api.types import UserInfo

if TYPE_CHECKING:
    from prometheus_client.core import Metric

CREDENTIAL_ID = "authentication.kubernetes.io/credential-id"
_UID = ObjectIdentifier("1.3.6.1.4.1.57683.2")
_KEPT = 2048
_HOUR, _DAY = 3600, 86400
_LIFETIMES = (
    *(0, _HOUR // 2, _HOUR, 2 * _HOUR, 6 * _HOUR, 12 * _HOUR),
    *(days * _DAY for days in (1, 2, 4, 7, 30, 90, 180, 365)),
)  # seconds


@dataclass(frozen=True, slots=True)
class Identity:
    """What a certificate says. `front_proxy`: signed by the request-header CA, it vouches for headers."""

    user: UserInfo
    front_proxy: bool
    expires: float  # seconds since the epoch


class CertificateAuthenticator:
    """Certificates arrive with every request of a connection, so what was read from one is kept."""

    def __init__(self, client_cas: Path | Sequence[Path], request_header_cas: Path | Sequence[Path]) -> None:
        self._client_ca = _authorities(client_cas)
        self._request_header_ca = _authorities(request_header_cas)
        self._known: dict[bytes, Identity | None] = {}
        self._left = [0] * (len(_LIFETIMES) + 1)  # requests by the rest of their certificate's life
        self._left_sum = 0.0

    def identify(self, der: bytes) -> Identity | None:
        """None for a certificate of neither CA, one that has expired, or one that is not for clients."""
        if der not in self._known:
            if len(self._known) >= _KEPT:
                self._known.clear()
            self._known[der] = self._read(der)
        identity = self._known[der]
        if identity is None:
            return None
        left = identity.expires - time.time()
        self._left[bisect_left(_LIFETIMES, left)] += 1
        self._left_sum += left
        return identity if left > 0 else None

    def collect(self) -> Iterator["Metric"]:
        """apiserver_client_certificate_expiration_seconds, for prometheus_client."""
        from prometheus_client.core import HistogramMetricFamily

        reached, buckets = 0, []
        for bound, count in zip([*map(str, map(float, _LIFETIMES)), "+Inf"], self._left, strict=True):
            reached += count
            buckets.append((bound, float(reached)))
        left = HistogramMetricFamily(
            "apiserver_client_certificate_expiration_seconds",
            "Distribution of the remaining lifetime on the certificate used to authenticate a request.",
        )
        left.add_metric((), buckets, self._left_sum)
        yield left

    def _read(self, der: bytes) -> Identity | None:
        try:
            certificate = x509.load_der_x509_certificate(der)
        except ValueError:
            return None
        front_proxy = _signed_by_any(certificate, self._request_header_ca)
        if not front_proxy and not _signed_by_any(certificate, self._client_ca):
            return None
        if not _for_clients(certificate):
            return None
        names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        uids = [str(item.value) for item in certificate.subject.get_attributes_for_oid(_UID)]
        if not names or not names[-1].value or len(uids) > 1 or uids == [""]:
            return None
        organizations = certificate.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)
        user = UserInfo(
            name=str(names[-1].value),
            uid=uids[0] if uids else "",
            groups=tuple(str(item.value) for item in organizations),
            extra={CREDENTIAL_ID: (f"X509SHA256={sha256(der).hexdigest()}",)},
        )
        return Identity(user, front_proxy, certificate.not_valid_after_utc.timestamp())


def _authorities(files: Path | Sequence[Path]) -> list[x509.Certificate]:
    paths = [files] if isinstance(files, Path) else files
    return [found for path in paths for found in x509.load_pem_x509_certificates(path.read_bytes())]


def _signed_by_any(certificate: x509.Certificate, authorities: list[x509.Certificate]) -> bool:
    for authority in authorities:
        try:
            certificate.verify_directly_issued_by(authority)
        except (InvalidSignature, ValueError, TypeError):
            continue
        return True
    return False


def _for_clients(certificate: x509.Certificate) -> bool:
    try:
        usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return True
    return ExtendedKeyUsageOID.CLIENT_AUTH in usage or ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE in usage
