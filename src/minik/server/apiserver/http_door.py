"""The network's way into the pipeline: HTTP/1.1 over TLS on aiohttp's low-level server.

A handler per request turns aiohttp's request into ours and the answer back; there is no router in between. Client
certificates are asked for and verified against the client CAs, but not required.
"""

import asyncio
import logging
import os
import ssl
import zlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from urllib.parse import parse_qs

from aiohttp import web
from multidict import CIMultiDict

from minik.api.request import Request, Response
from minik.api.status import StatusError, too_large
from minik.server.apiserver.pipeline import status_response
from minik.server.apiserver.registry.body import MAX_BODY
from minik.server.apiserver.request_info import resolve
from minik.upgrade import UpgradingServer

log = logging.getLogger("minik.apiserver.http")

_GZIP_FROM = 128 * 1024  # bytes; smaller answers are not worth it (upstream's defaultGzipThresholdBytes)
_KEEPALIVE = 180.0  # seconds an idle connection is kept
_SHUTDOWN = 10.0  # seconds running requests may take to end
_RAW_BODY = frozenset({"proxy", "exec", "attach", "portforward"})
_NO_QUERY: Mapping[str, Sequence[str]] = {}

Handle = Callable[[Request], Awaitable[Response]]


def tls_context(certificate: Path, key: Path, client_cas: Sequence[Path]) -> ssl.SSLContext:
    """TLS 1.2 and up; a client certificate is optional, but must be from one of the CAs."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(certificate, key)
    for ca in client_cas:
        context.load_verify_locations(ca)
    context.verify_mode = ssl.CERT_OPTIONAL
    context.set_alpn_protocols(["http/1.1"])
    return context


class HttpDoor:
    """Serves `handle` on one address."""

    def __init__(self, handle: Handle) -> None:
        self._handle = handle
        self._server = UpgradingServer(
            self._serve, keepalive_timeout=_KEEPALIVE, access_log=None, handler_cancellation=True, logger=log
        )
        self._audit_prefix = os.urandom(10).hex()
        self._audit_count = 0

    async def listen(self, host: str, port: int, context: ssl.SSLContext | None) -> asyncio.Server:
        loop = asyncio.get_running_loop()
        return await loop.create_server(self._server, host, port, ssl=context, backlog=1024, reuse_address=True)

    async def close(self) -> None:
        """Ends keepalive connections at once and running requests after a while."""
        await self._server.shutdown(_SHUTDOWN)

    def _audit_id(self) -> str:
        self._audit_count += 1
        p = self._audit_prefix
        return f"{p[:8]}-{p[8:12]}-4{p[12:15]}-8{p[15:18]}-{self._audit_count:012x}"

    async def _serve(self, incoming: web.BaseRequest) -> web.StreamResponse:
        try:
            request = await _read(incoming)
        except StatusError as error:
            bare = Request(method=incoming.method, path=incoming.path, headers=incoming.headers)
            return _plain(incoming, status_response(bare, error), self._audit_id())
        response = await self._handle(request)
        if response.upgrade is not None:
            outgoing: web.StreamResponse = await response.upgrade(incoming)
            return outgoing
        if response.stream is not None:
            return await _stream(incoming, response, self._audit_id())
        if len(response.body) > _GZIP_FROM and "gzip" in incoming.headers.get("Accept-Encoding", ""):
            await _compress(response)
        return _plain(incoming, response, self._audit_id())


async def _read(incoming: web.BaseRequest) -> Request:
    path, separator, raw_query = incoming.raw_path.partition("?")
    query = parse_qs(raw_query, keep_blank_values=True) if separator else _NO_QUERY
    method = incoming.method
    body = b""
    if incoming.body_exists and resolve(method, path, query).subresource not in _RAW_BODY:
        body = await _body(incoming)
    return Request(
        method=method,
        path=path,
        query=query,
        headers=_lower(incoming),
        body=body,
        client_certificate=_peer_certificate(incoming),
        remote_address=incoming.remote or "",
    )


def _lower(incoming: web.BaseRequest) -> dict[str, str]:
    """Headers by lower-case name; repeated ones are joined with a line feed, which no value can contain."""
    headers: dict[str, str] = {}
    for name, value in incoming.headers.items():
        name = name.lower()
        headers[name] = f"{headers[name]}\n{value}" if name in headers else value
    return headers


async def _body(incoming: web.BaseRequest) -> bytes:
    """The body, up to the limit. Raises StatusError 413."""
    if (incoming.content_length or 0) > MAX_BODY:
        raise too_large(MAX_BODY)
    chunks, size = [], 0
    async for chunk in incoming.content.iter_any():
        size += len(chunk)
        if size > MAX_BODY:
            raise too_large(MAX_BODY)
        chunks.append(chunk)
    body = b"".join(chunks)
    if incoming.headers.get("Content-Encoding") == "gzip":
        return _inflate(body)
    return body


def _inflate(body: bytes) -> bytes:
    inflated = zlib.decompressobj(31).decompress(body, MAX_BODY + 1)
    if len(inflated) > MAX_BODY:
        raise too_large(MAX_BODY)
    return inflated


def _peer_certificate(incoming: web.BaseRequest) -> bytes | None:
    transport = incoming.transport
    if transport is None:
        return None
    tls = transport.get_extra_info("ssl_object")
    return None if tls is None else tls.getpeercert(binary_form=True)


def _headers(response: Response, audit_id: str) -> CIMultiDict[str]:
    headers: CIMultiDict[str] = CIMultiDict(response.headers)
    headers["Audit-Id"] = audit_id
    headers.setdefault("Cache-Control", "no-cache, private")
    if response.content_type:
        headers["Content-Type"] = response.content_type
    for warning in response.warnings:
        escaped = warning.replace("\\", "\\\\").replace('"', '\\"')
        headers.add("Warning", f'299 - "{escaped}"')
    return headers


def _plain(incoming: web.BaseRequest, response: Response, audit_id: str) -> web.Response:
    body = b"" if incoming.method == "HEAD" else response.body
    return web.Response(status=response.status, body=body, headers=_headers(response, audit_id))


async def _compress(response: Response) -> None:
    body = response.body

    def deflate() -> bytes:
        squeezer = zlib.compressobj(1, wbits=31)
        return squeezer.compress(body) + squeezer.flush()

    response.body = await asyncio.to_thread(deflate)
    response.headers["Content-Encoding"] = "gzip"
    response.headers["Vary"] = "Accept-Encoding"


async def _stream(incoming: web.BaseRequest, response: Response, audit_id: str) -> web.StreamResponse:
    """Chunks as they come; the client going away ends the stream."""
    outgoing = web.StreamResponse(status=response.status, headers=_headers(response, audit_id))
    outgoing.enable_chunked_encoding()
    await outgoing.prepare(incoming)
    assert response.stream is not None
    chunks = response.stream
    try:
        async for chunk in chunks:
            await outgoing.write(chunk)
        await outgoing.write_eof()
    except ConnectionError:
        log.debug("%s went away from %s", incoming.remote, incoming.path)
    finally:
        close = getattr(chunks, "aclose", None)
        if close is not None:
            await close()
    return outgoing
