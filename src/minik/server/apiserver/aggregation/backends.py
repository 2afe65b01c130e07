"""Connections to aggregated API servers: straight to an endpoint of their Service, over TLS both sides prove.

The server shows a certificate for SERVICE.NAMESPACE.svc; this one shows its front-proxy certificate.
"""

import asyncio
import base64
import binascii
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from minik.server.apiserver.aggregation.api_service import Backend
from minik.server.apiserver.objects import Reader
from minik.server.apiserver.webhooks.service_resolver import resolve
from minik.upgrade import HEAD_LIMIT

if TYPE_CHECKING:
    import aiohttp

CONNECT_TIMEOUT = 10.0  # seconds
_KEPT_ALIVE = 90.0  # seconds


class Backends:
    """Asks backends. `close` it."""

    def __init__(self, objects: Reader, certificate: Path, key: Path) -> None:
        self._objects = objects
        self._certificate = certificate
        self._key = key
        self._contexts: dict[tuple[str, bool], ssl.SSLContext] = {}
        self._session: aiohttp.ClientSession | None = None

    async def ask(
        self, backend: Backend, method: str, path: str, headers: Mapping[str, str], data: Any = None
    ) -> "aiohttp.ClientResponse":
        """The answer as soon as its head is there; release it. `path` is raw, with the query.

        Raises StatusError when there is no endpoint, ssl.SSLError for a caBundle that is none, and what aiohttp raises.
        """
        from yarl import URL

        host, port = resolve(self._objects, backend.namespace, backend.service, backend.port)
        return await self._open().request(
            method,
            URL(f"https://{authority(host, port)}{path}", encoded=True),
            headers=headers,
            data=data,
            ssl=self.tls(backend),
            server_hostname=backend.server_name,
            allow_redirects=False,
        )

    async def connect(self, backend: Backend) -> tuple[str, asyncio.StreamReader, asyncio.StreamWriter]:
        """A connection of one's own, for upgrades, and what it leads to (host:port). Raises as `ask`, and OSError."""
        host, port = resolve(self._objects, backend.namespace, backend.service, backend.port)
        async with asyncio.timeout(CONNECT_TIMEOUT):
            reader, writer = await asyncio.open_connection(
                host, port, ssl=self.tls(backend), server_hostname=backend.server_name, limit=HEAD_LIMIT
            )
        return authority(host, port), reader, writer

    def tls(self, backend: Backend) -> ssl.SSLContext:
        """Raises ssl.SSLError for a caBundle that holds no certificate."""
        key = (backend.ca_bundle, backend.insecure)
        context = self._contexts.get(key)
        if context is None:
            context = self._contexts[key] = self._context(*key)
        return context

    def _context(self, ca_bundle: str, insecure: bool) -> ssl.SSLContext:
        try:
            bundle = base64.b64decode(ca_bundle).decode() if ca_bundle else None
            context = ssl.create_default_context(cadata=bundle)
        except (binascii.Error, UnicodeDecodeError, ValueError):
            raise ssl.SSLError("unable to load root certificates: unable to parse bytes as PEM block") from None
        # As Go: any certificate of the bundle is trusted, whoever signed it.
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        if insecure:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        context.load_cert_chain(self._certificate, self._key)
        return context

    def _open(self) -> "aiohttp.ClientSession":
        import aiohttp  # only who has aggregated APIs needs a client

        if self._session is None:
            self._session = aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_TIMEOUT),
                connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=_KEPT_ALIVE),
                auto_decompress=False,
                cookie_jar=aiohttp.DummyCookieJar(),
                skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
            )
        return self._session

    def keep_only(self, backends: Mapping[Any, Backend]) -> None:
        """Forget the TLS settings of backends that are gone."""
        wanted = {(backend.ca_bundle, backend.insecure) for backend in backends.values()}
        for key in self._contexts.keys() - wanted:
            del self._contexts[key]

    async def close(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            await session.close()


def unreachable() -> tuple[type[BaseException], ...]:
    """What asking raises when nobody answers."""
    import aiohttp

    return (aiohttp.ClientError, OSError, ssl.SSLError, TimeoutError)


def authority(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
