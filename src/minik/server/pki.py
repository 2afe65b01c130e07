"""The cluster's keys and certificates: made at the first start, reused later, renewed in time.

Three CAs as in every Kubernetes (https://kubernetes.io/docs/setup/best-practices/certificates/): one vouches for
servers, one for clients, one for the front proxy. File names are k3s's. The key that signs service account tokens is
RSA, because clients expect RS256; everything else is P-256.
"""

import ipaddress
import os
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.x509 import Certificate

from minik.server.certificates import (
    Authority,
    CertificateError,
    KeyPair,
    PrivateKey,
    Profile,
    certificate_pem,
    issue,
    key_pem,
    new_key,
    new_rsa_key,
    read_certificate,
    read_key,
    self_signed_authority,
    subject_alternative_names,
    write_file,
)

CA_LIFETIME = timedelta(days=3650)
RENEW_BEFORE = timedelta(days=90)


@dataclass(frozen=True, slots=True)
class ServerPki:
    """Where everything is. All of it exists once `ensure_server_pki` returned."""

    server_ca: KeyPair
    client_ca: KeyPair
    request_header_ca: KeyPair
    service_account_key: Path
    serving: KeyPair
    admin: KeyPair
    controller_manager: KeyPair
    scheduler: KeyPair
    proxy: KeyPair
    kubelet_client: KeyPair  # the API server as a client of kubelets
    front_proxy_client: KeyPair  # the API server as a client of aggregated API servers


# file name -> (common name, organizations, signed by the request-header CA)
_CLIENTS: dict[str, tuple[str, tuple[str, ...], bool]] = {
    "client-admin": ("system:admin", ("system:masters",), False),
    "client-controller": ("system:kube-controller-manager", (), False),
    "client-scheduler": ("system:kube-scheduler", (), False),
    "client-kube-proxy": ("system:kube-proxy", (), False),
    "client-kube-apiserver": ("system:apiserver", ("system:masters",), False),
    "client-auth-proxy": ("system:auth-proxy", (), True),
}


def server_paths(tls_dir: Path) -> ServerPki:
    """The file names, whether the files exist or not."""

    def pair(name: str) -> KeyPair:
        return KeyPair.named(tls_dir, name)

    return ServerPki(
        server_ca=pair("server-ca"),
        client_ca=pair("client-ca"),
        request_header_ca=pair("request-header-ca"),
        service_account_key=tls_dir / "service.key",
        serving=pair("serving-kube-apiserver"),
        admin=pair("client-admin"),
        controller_manager=pair("client-controller"),
        scheduler=pair("client-scheduler"),
        proxy=pair("client-kube-proxy"),
        kubelet_client=pair("client-kube-apiserver"),
        front_proxy_client=pair("client-auth-proxy"),
    )


def serving_names(
    *, cluster_domain: str, service_cidr: str, addresses: Sequence[str], extra: Sequence[str] = ()
) -> list[str]:
    """What the API server is called: its Service's names and address, this machine's, and --tls-san."""
    first_service_ip = str(next(ipaddress.ip_network(service_cidr).hosts()))
    names = ["kubernetes", "kubernetes.default", "kubernetes.default.svc", f"kubernetes.default.svc.{cluster_domain}"]
    names += ["localhost", socket.gethostname().lower(), "127.0.0.1", "::1", first_service_ip, *addresses, *extra]
    return list(dict.fromkeys(_normal(name) for name in names if name and name not in ("0.0.0.0", "::")))


def ensure_server_pki(tls_dir: Path, sans: Sequence[str], *, now: datetime | None = None) -> ServerPki:
    """Make what is missing and renew what ends within 90 days. Blocking; some 60 ms the first time, 5 ms later.

    Raises CertificateError for files that are there but cannot be used.
    """
    now = now or datetime.now(UTC)
    tls_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    paths = server_paths(tls_dir)
    server_ca = ensure_authority(paths.server_ca, "minik-server-ca", now)
    client_ca = ensure_authority(paths.client_ca, "minik-client-ca", now)
    request_header_ca = ensure_authority(paths.request_header_ca, "minik-request-header-ca", now)
    ensure_leaf(paths.serving, server_ca, Profile(common_name="kube-apiserver", sans=sans, server=True), now)
    for name, (common_name, organizations, front_proxy) in _CLIENTS.items():
        profile = Profile(common_name=common_name, organizations=organizations, client=True)
        ensure_leaf(KeyPair.named(tls_dir, name), request_header_ca if front_proxy else client_ca, profile, now)
    if read_key(paths.service_account_key) is None:
        write_file(paths.service_account_key, key_pem(new_rsa_key()))
    _sync_directory(tls_dir)
    return paths


def ensure_kubelet_pki(
    agent_dir: Path, server: ServerPki, node_name: str, addresses: Sequence[str], *, now: datetime | None = None
) -> tuple[KeyPair, KeyPair]:
    """(serving, client) certificates of the kubelet that shares this machine with the server."""
    now = now or datetime.now(UTC)
    serving, client = KeyPair.named(agent_dir, "serving-kubelet"), KeyPair.named(agent_dir, "client-kubelet")
    identity = f"system:node:{node_name}"
    sans = list(dict.fromkeys([node_name, "localhost", "127.0.0.1", "::1", *addresses]))
    server_profile = Profile(common_name=identity, organizations=("system:nodes",), sans=sans, server=True)
    client_profile = Profile(common_name=identity, organizations=("system:nodes",), client=True)
    ensure_leaf(serving, load_authority(server.server_ca), server_profile, now)
    ensure_leaf(client, load_authority(server.client_ca), client_profile, now)
    return serving, client


def load_authority(pair: KeyPair) -> Authority:
    """Raises CertificateError if one of the two is missing or they do not belong together."""
    certificate, key = read_certificate(pair.certificate), read_key(pair.key)
    if certificate is None or key is None:
        raise CertificateError(f"{pair.certificate} and its key are needed to sign certificates; one is missing")
    if certificate.public_key() != key.public_key():
        raise CertificateError(f"{pair.key} is not the key of {pair.certificate}")
    return Authority(certificate, key)


def ensure_authority(pair: KeyPair, name: str, now: datetime) -> Authority:
    """A CA from its files. Without them a new one; near its end a new certificate for the same key."""
    certificate, key = read_certificate(pair.certificate), read_key(pair.key)
    if certificate is not None and key is None:
        raise CertificateError(f"{pair.key} is missing, and {pair.certificate} is worth nothing without it")
    if certificate is not None and key is not None:
        if certificate.public_key() != key.public_key():
            raise CertificateError(f"{pair.key} is not the key of {pair.certificate}")
        if certificate.not_valid_after_utc - now > RENEW_BEFORE:
            return Authority(certificate, key)
    if key is None:
        key = new_key()
        write_file(pair.key, key_pem(key))
    authority = self_signed_authority(f"{name}@{int(now.timestamp())}", now, CA_LIFETIME, key)
    write_file(pair.certificate, certificate_pem(authority.certificate))
    return authority


def ensure_leaf(pair: KeyPair, authority: Authority, profile: Profile, now: datetime) -> None:
    """Issue the certificate unless the one there is still good for all of `profile`."""
    certificate, key = read_certificate(pair.certificate), read_key(pair.key)
    if certificate is not None and key is not None and certificate.public_key() == key.public_key():
        fresh = certificate.not_valid_after_utc - now > RENEW_BEFORE
        complete = subject_alternative_names(certificate) >= {_normal(san) for san in profile.sans}
        if fresh and complete and _issued_by(certificate, authority):
            return
    leaf_key: PrivateKey = new_key()
    write_file(pair.key, key_pem(leaf_key))
    write_file(pair.certificate, certificate_pem(issue(authority, profile, leaf_key.public_key(), now)))


def _issued_by(certificate: Certificate, authority: Authority) -> bool:
    try:
        certificate.verify_directly_issued_by(authority.certificate)
    except (InvalidSignature, ValueError, TypeError):
        return False
    return True


def _normal(name: str) -> str:
    try:
        return str(ipaddress.ip_address(name))
    except ValueError:
        return name


def _sync_directory(directory: Path) -> None:
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
