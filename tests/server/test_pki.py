"""The server's certificates: made once, renewed in time, refused when broken."""

import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from minik.server.certificates import CertificateError, read_certificate, subject_alternative_names
from minik.server.kubeconfig import write_kubeconfig
from minik.server.pki import ensure_kubelet_pki, ensure_server_pki, serving_names

NOW = datetime(2026, 5, 1, tzinfo=UTC)
SANS = ["kubernetes", "127.0.0.1"]


def test_serving_names_cover_the_service_the_machine_and_what_was_asked_for() -> None:
    names = serving_names(
        cluster_domain="cluster.local", service_cidr="10.43.0.0/16", addresses=["192.0.2.7"], extra=["api.example.com"]
    )
    expected = {"kubernetes.default.svc.cluster.local", "localhost", "127.0.0.1", "::1", "10.43.0.1", "192.0.2.7"}
    assert expected | {"api.example.com"} <= set(names)


def test_everything_is_private_and_reused_at_the_next_start(tmp_path: Path) -> None:
    tls = tmp_path / "tls"
    ensure_server_pki(tls, SANS, now=NOW)
    before = {path: path.read_bytes() for path in tls.iterdir()}
    assert {stat.S_IMODE(path.stat().st_mode) for path in before} == {0o600}
    assert stat.S_IMODE(tls.stat().st_mode) == 0o700
    ensure_server_pki(tls, SANS, now=NOW + timedelta(days=200))
    assert {path: path.read_bytes() for path in tls.iterdir()} == before


def test_certificates_are_renewed_90_days_before_their_end(tmp_path: Path) -> None:
    paths = ensure_server_pki(tmp_path, SANS, now=NOW)
    ca = paths.client_ca.certificate.read_bytes()
    ensure_server_pki(tmp_path, SANS, now=NOW + timedelta(days=280))
    renewed = read_certificate(paths.admin.certificate)
    assert renewed is not None
    assert renewed.not_valid_after_utc == NOW + timedelta(days=280 + 365)
    assert paths.client_ca.certificate.read_bytes() == ca


def test_a_new_name_gets_a_new_serving_certificate_from_the_same_ca(tmp_path: Path) -> None:
    ensure_server_pki(tmp_path, SANS, now=NOW)
    paths = ensure_server_pki(tmp_path, [*SANS, "fd00::1", "other.example.com"], now=NOW)
    serving, ca = read_certificate(paths.serving.certificate), read_certificate(paths.server_ca.certificate)
    assert serving is not None
    assert ca is not None
    serving.verify_directly_issued_by(ca)
    assert subject_alternative_names(serving) == {*SANS, "fd00::1", "other.example.com"}


@pytest.mark.parametrize("name", ["client-ca.crt", "client-ca.key", "service.key", "client-admin.crt"])
def test_a_corrupt_file_is_one_line_naming_it(tmp_path: Path, name: str) -> None:
    ensure_server_pki(tmp_path, SANS, now=NOW)
    (tmp_path / name).write_bytes(b"-----BEGIN")
    with pytest.raises(CertificateError, match=name) as caught:
        ensure_server_pki(tmp_path, SANS, now=NOW)
    assert "\n" not in str(caught.value)


def test_a_ca_key_of_another_ca_is_refused(tmp_path: Path) -> None:
    ensure_server_pki(tmp_path, SANS, now=NOW)
    (tmp_path / "client-ca.key").write_bytes((tmp_path / "server-ca.key").read_bytes())
    with pytest.raises(CertificateError, match="is not the key of"):
        ensure_server_pki(tmp_path, SANS, now=NOW)


def test_the_kubelets_certificate_names_its_node(tmp_path: Path) -> None:
    server = ensure_server_pki(tmp_path / "tls", SANS, now=NOW)
    _, client = ensure_kubelet_pki(tmp_path / "agent", server, "worker-1", ["192.0.2.7"], now=NOW)
    certificate = read_certificate(client.certificate)
    assert certificate is not None
    assert certificate.subject.rfc4514_string() == "CN=system:node:worker-1,O=system:nodes"


def test_the_kubeconfig_has_the_mode_asked_for(tmp_path: Path) -> None:
    server = ensure_server_pki(tmp_path / "tls", SANS, now=NOW)
    path = tmp_path / "etc" / "minik.yaml"
    write_kubeconfig(path, "https://127.0.0.1:6443", server.server_ca, server.admin, mode="644")
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert "server: https://127.0.0.1:6443" in path.read_text()
