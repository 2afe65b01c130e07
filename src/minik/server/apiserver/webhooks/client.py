"""Calls webhooks: posts a review over HTTPS and reads the answer.

A webhook is a URL or a Service (WebhookClientConfig of admissionregistration.k8s.io and apiextensions.k8s.io), with
the CA its certificate must come from. Error texts are those of upstream's client, because clients see them.
"""

import asyncio
import base64
import binascii
import ssl
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import orjson

from minik.api.types import Obj
from minik.server.apiserver.objects import Reader
from minik.server.apiserver.webhooks import refusals
from minik.server.apiserver.webhooks.service_resolver import resolve

_HEADERS = {"Content-Type": "application/json", "Accept": "application/json, */*"}
_MAX_ANSWER = 10 << 20  # bytes


class WebhookError(Exception):
    """The webhook could not be asked. The text is the one to show, `code` what it answered or the nearest to it."""

    def __init__(self, text: str, code: int = 503) -> None:
        super().__init__(text)
        self.code = code


@dataclass(frozen=True, slots=True)
class Target:
    """A webhook's address. `service`: (namespace, name), reached by an endpoint instead of by `host`."""

    host: str
    port: int
    path: str
    shown: str  # the URL that errors show
    service: tuple[str, str] | None = None


def target_of(config: Obj) -> Target:
    """Raises WebhookError for a configuration that names no place."""
    service = config.get("service")
    if service:
        namespace, name = service.get("namespace", ""), service.get("name", "")
        port = service.get("port") or 443
        path = "/" + (service.get("path") or "").lstrip("/")
        host = f"{name}.{namespace}.svc"
        return Target(host, port, path, f"https://{host}:{port}{path}", (namespace, name))
    url = config.get("url")
    if not url:
        raise WebhookError("webhook configuration must have either service or URL", 500)
    parts = urlsplit(url)
    return Target(parts.hostname or "", parts.port or 443, parts.path or "/", f"https://{parts.netloc}{parts.path}")


def tls_of(config: Obj) -> ssl.SSLContext:
    """Trusts what caBundle says, or without one the machine's CAs. Raises WebhookError."""
    bundle = config.get("caBundle")
    if not bundle:
        return ssl.create_default_context()
    try:
        # Go takes what stands around the certificates in its stride, and so does cadata.
        return ssl.create_default_context(cadata=base64.b64decode(bundle).decode())
    except (binascii.Error, UnicodeDecodeError, ssl.SSLError, ValueError):
        raise WebhookError("unable to load root certificates: unable to parse bytes as PEM block", 500) from None


class WebhookClient:
    """Keeps connections to webhooks open between calls. `close` it."""

    def __init__(self, objects: Reader, user_agent: str = "kube-apiserver-admission") -> None:
        self._objects = objects
        self._user_agent = user_agent
        self._session: Any = None

    async def post(self, target: Target, tls: ssl.SSLContext, review: Obj, seconds: int) -> Obj:
        """The answer, decoded. Raises WebhookError."""
        shown = f'Post "{target.shown}?timeout={_duration(seconds)}"'
        try:
            async with asyncio.timeout(seconds):
                try:
                    status, content_type, body = await self._exchange(target, tls, review, seconds)
                except refusals.lost_connection():
                    # It may have been an old one that the webhook closed just now; as upstream, try a fresh one.
                    status, content_type, body = await self._exchange(target, tls, review, seconds)
        except TimeoutError:
            raise WebhookError(f"{shown}: context deadline exceeded") from None
        except refusals.connection_errors() as error:
            raise WebhookError(f"{shown}: {refusals.connection_text(error)}") from None
        return _read(status, content_type, body)

    async def close(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def _exchange(self, target: Target, tls: ssl.SSLContext, review: Obj, seconds: int) -> tuple[int, str, bytes]:
        import aiohttp  # only who has webhooks needs a client

        if self._session is None:
            headers = {**_HEADERS, "User-Agent": self._user_agent}
            self._session = aiohttp.ClientSession(headers=headers, timeout=aiohttp.ClientTimeout(total=None))
        host, port = target.host, target.port
        if target.service is not None:
            host, port = resolve(self._objects, *target.service, port)
        shown_host = f"[{host}]" if ":" in host else host
        async with self._session.post(
            f"https://{shown_host}:{port}{target.path}",
            params={"timeout": _duration(seconds)},
            data=orjson.dumps(review),
            ssl=tls,
            server_hostname=target.host,
            headers={"Host": f"{target.host}:{target.port}" if target.service else target.host},
        ) as answer:
            body = await answer.content.read(_MAX_ANSWER)
            while not answer.content.at_eof() and len(body) < _MAX_ANSWER:
                body += await answer.content.read(_MAX_ANSWER - len(body))
            return answer.status, answer.headers.get("Content-Type", ""), body


def _duration(seconds: int) -> str:
    return f"{seconds // 60}m{seconds % 60}s" if seconds >= 60 else f"{seconds}s"


def _read(status: int, content_type: str, body: bytes) -> Obj:
    try:
        decoded = orjson.loads(body) if body else None
    except orjson.JSONDecodeError:
        decoded = None
    if not 200 <= status <= 206:
        raise WebhookError(refusals.answer_text(status, content_type, body, decoded), status)
    if isinstance(decoded, dict):
        if not decoded.get("kind"):
            raise WebhookError(f"Object 'Kind' is missing in '{body.decode(errors='replace')}'")
        return decoded
    if decoded is not None:
        raise WebhookError(
            "couldn't get version/kind; json parse error: json: cannot unmarshal the answer into an object"
        )
    raise WebhookError(f"couldn't get version/kind; json parse error: {_parse_error(body)}")


def _parse_error(body: bytes) -> str:
    if not body.strip():
        return "unexpected end of JSON input"
    return f"invalid character {chr(body.lstrip()[0])!r} looking for beginning of value"
