"""Kubeconfig files: how a client finds the server and proves who it is.

Format: https://kubernetes.io/docs/reference/config-api/kubeconfig.v1/. Written as JSON-compatible YAML with the
certificates inside, so that one file is all a client needs.
"""

import base64
from pathlib import Path

from minik.server.certificates import CertificateError, KeyPair, write_file


def kubeconfig(server_url: str, ca_certificate: bytes, certificate: bytes, key: bytes, *, name: str = "default") -> str:
    """The text of a kubeconfig with one cluster, user and context, all called `name`."""
    return "\n".join(
        [
            "apiVersion: v1",
            "kind: Config",
            "clusters:",
            f"- name: {name}",
            "  cluster:",
            f"    server: {server_url}",
            f"    certificate-authority-data: {_base64(ca_certificate)}",
            "users:",
            f"- name: {name}",
            "  user:",
            f"    client-certificate-data: {_base64(certificate)}",
            f"    client-key-data: {_base64(key)}",
            "contexts:",
            f"- name: {name}",
            "  context:",
            f"    cluster: {name}",
            f"    user: {name}",
            f"current-context: {name}",
            "preferences: {}",
            "",
        ]
    )


def write_kubeconfig(path: Path, server_url: str, ca: KeyPair, client: KeyPair, *, mode: str = "600") -> None:
    """`mode` is octal text as of --write-kubeconfig-mode. An unchanged file is left alone."""
    try:
        permissions = int(mode, 8)
    except ValueError:
        raise CertificateError(f"kubeconfig mode {mode!r} is not an octal number such as 600") from None
    text = kubeconfig(server_url, ca.certificate.read_bytes(), client.certificate.read_bytes(), client.key.read_bytes())
    data = text.encode()
    if path.exists() and path.read_bytes() == data and path.stat().st_mode & 0o777 == permissions:
        return
    path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    write_file(path, data, permissions)


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()
