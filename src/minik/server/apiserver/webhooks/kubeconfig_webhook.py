"""Webhooks that a kubeconfig file describes: audit, token review and authorization webhooks of the server's flags.

https://kubernetes.io/docs/reference/access-authn-authz/webhook/#configuration-file-format
"""

import asyncio
import base64
import ssl
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from minik.api.types import Obj
from minik.config import StartupError

_TIMEOUT = 30.0  # seconds
_HEADERS = {"Content-Type": "application/json", "Accept": "application/json, */*", "User-Agent": "kube-apiserver"}


@dataclass(frozen=True, slots=True)
class Remote:
    """One server: where it is, and how each side proves who it is. `tls` is None for plain HTTP."""

    url: str
    tls: ssl.SSLContext | None
    headers: dict[str, str]


class KubeconfigWebhook:
    """Keeps connections open between calls. `close` it."""

    def __init__(self, remote: Remote, *, timeout: float = _TIMEOUT) -> None:
        self._remote = remote
        self._timeout = timeout
        self._session: Any = None

    async def post(self, obj: Obj) -> Any:
        """The decoded answer, None when there is none. Raises ConnectionError for anything but success."""
        import aiohttp

        if self._session is None:
            self._session = aiohttp.ClientSession(headers={**_HEADERS, **self._remote.headers})
        try:
            async with asyncio.timeout(self._timeout):
                async with self._session.post(
                    self._remote.url, data=orjson.dumps(obj), ssl=self._remote.tls or True
                ) as answer:
                    body, status = await answer.read(), answer.status
        except TimeoutError:
            raise ConnectionError(f"{self._remote.url}: no answer in time") from None
        except (aiohttp.ClientError, OSError) as error:
            raise ConnectionError(f"{self._remote.url}: {error}") from None
        if not 200 <= status < 300:
            raise ConnectionError(f"{self._remote.url}: {status} {body[:200].decode(errors='replace').strip()}")
        try:
            return orjson.loads(body) if body.strip() else None
        except orjson.JSONDecodeError:
            return None

    async def close(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            await session.close()


def load_webhook(path: Path, *, timeout: float = _TIMEOUT) -> KubeconfigWebhook:
    """From a kubeconfig's current context. Raises StartupError."""
    from minik.api.codec import yaml_codec

    try:
        document, _ = yaml_codec.loads(path.read_bytes())
        return KubeconfigWebhook(_remote(document, path.parent), timeout=timeout)
    except (OSError, ValueError, KeyError, TypeError, StopIteration, ssl.SSLError) as error:
        raise StartupError(f"cannot use webhook configuration {path}: {error or 'a part is missing'}") from None


def _remote(document: Any, directory: Path) -> Remote:
    if not isinstance(document, dict):
        raise ValueError("it is no kubeconfig")
    contexts = document.get("contexts") or []
    current = document.get("current-context") or ""
    context = next((c["context"] for c in contexts if c["name"] == current), contexts[0]["context"] if contexts else {})
    cluster = _named(document.get("clusters") or [], "cluster", context.get("cluster"))
    user = _named(document.get("users") or [], "user", context.get("user"))
    headers = {}
    token = user.get("token") or (_read(directory, user["tokenFile"]).decode().strip() if user.get("tokenFile") else "")
    if token:
        headers["Authorization"] = f"Bearer {token}"
    elif user.get("username"):
        pair = f"{user['username']}:{user.get('password', '')}"
        headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
    url = cluster.get("server") or ""
    if not url.startswith(("http://", "https://")):
        raise ValueError("its cluster has no server")
    return Remote(url, _tls(cluster, user, directory) if url.startswith("https://") else None, headers)


def _named(entries: list[Obj], kind: str, name: Any) -> Obj:
    if name is None and entries:
        return dict(entries[0][kind])
    return next((entry[kind] or {} for entry in entries if entry["name"] == name), {})


def _tls(cluster: Obj, user: Obj, directory: Path) -> ssl.SSLContext:
    authority = _material(cluster, "certificate-authority", directory)
    context = ssl.create_default_context(cadata=authority.decode() if authority else None)
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    if cluster.get("insecure-skip-tls-verify"):
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    certificate, key = _material(user, "client-certificate", directory), _material(user, "client-key", directory)
    if certificate and key:
        with tempfile.NamedTemporaryFile() as file:  # ssl reads files only; this one is the owner's alone
            file.write(certificate + b"\n" + key)
            file.flush()
            context.load_cert_chain(file.name)
    return context


def _material(entry: Obj, name: str, directory: Path) -> bytes:
    """PEM from `NAME-data` or the file `NAME`."""
    if entry.get(f"{name}-data"):
        return base64.b64decode(entry[f"{name}-data"])
    return _read(directory, entry[name]) if entry.get(name) else b""


def _read(directory: Path, name: str) -> bytes:
    return (directory / name).read_bytes()
