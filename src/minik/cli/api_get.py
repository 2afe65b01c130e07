"""Reads one path of the API server as the kubeconfig's user, for commands that need no client of the whole API."""

import base64
import http.client
import os
import ssl
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from minik.cli.settings import server_config
from minik.config import StartupError

_TIMEOUT = 30.0  # seconds


def kubeconfig_path(flag: Path | None, environment: Mapping[str, str]) -> Path:
    """--kubeconfig, then KUBECONFIG, then where `minik server` writes it. Raises StartupError when it is not there."""
    named = environment.get("MINIK_CONFIG")
    chosen = flag or (Path(environment["KUBECONFIG"].split(os.pathsep)[0]) if environment.get("KUBECONFIG") else None)
    path = chosen or server_config({}, environment, Path(named) if named else None).write_kubeconfig
    if not path.exists():
        raise StartupError(f"no kubeconfig at {path}: start `minik server` first, or set KUBECONFIG")
    return path


def get(kubeconfig: Path, path: str) -> tuple[int, bytes]:
    """Status and body. Raises StartupError when the server cannot be asked."""
    import yaml

    try:
        config = yaml.safe_load(kubeconfig.read_text())
        context = _named(config, "contexts", config["current-context"])["context"]
        cluster = _named(config, "clusters", context["cluster"])["cluster"]
        user = _named(config, "users", context["user"])["user"]
    except (OSError, KeyError, TypeError, StopIteration, yaml.YAMLError) as error:
        raise StartupError(f"cannot use kubeconfig {kubeconfig}: {error!r}") from None
    where = urlsplit(cluster["server"])
    headers = {"Authorization": f"Bearer {user['token']}"} if user.get("token") else {}
    try:
        connection = http.client.HTTPSConnection(
            where.hostname or "", where.port or 443, timeout=_TIMEOUT, context=_tls(cluster, user)
        )
        try:
            connection.request("GET", path, headers=headers)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()
    except (OSError, http.client.HTTPException) as error:
        raise StartupError(f"cannot ask the server at {cluster['server']}: {error}") from None


def _named(config: Any, kind: str, name: str) -> Any:
    return next(entry for entry in config[kind] if entry["name"] == name)


def _tls(cluster: Mapping[str, Any], user: Mapping[str, Any]) -> ssl.SSLContext:
    authority = cluster.get("certificate-authority-data")
    context = ssl.create_default_context(
        cafile=cluster.get("certificate-authority"), cadata=base64.b64decode(authority).decode() if authority else None
    )
    if cluster.get("insecure-skip-tls-verify"):
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with ExitStack() as files:
        certificate, key = (
            user.get(kind) or _as_file(user.get(f"{kind}-data"), files) for kind in ("client-certificate", "client-key")
        )
        if certificate and key:
            context.load_cert_chain(certificate, key)
    return context


def _as_file(data: str | None, files: ExitStack) -> str:
    """OpenSSL reads a client's certificate from files only."""
    if not data:
        return ""
    file = files.enter_context(tempfile.NamedTemporaryFile())  # noqa: SIM115 (closed with `files`)
    file.write(base64.b64decode(data))
    file.flush()
    return file.name
