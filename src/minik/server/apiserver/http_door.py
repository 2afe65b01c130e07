"""The network's way into the pipeline: HTTP/1.1 over TLS on aiohttp's low-level server.

A handler per request turns aiohttp's request into ours and the answer back; there is no router in between. Client
certificates are asked for and verified against the client CAs, but not required.
"""

import asyncio
import contextlib
import functools
import logging
import os
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from aiohttp import web
from aiohttp.http import HttpVersion11
from aiohttp.http_exceptions import BadHttpMethod, HttpProcessingError
from multidict import CIMultiDict

from minik.api.request import Request, Response
from minik.api.status import StatusError, bad_request, not_allowed, too_large
from minik.memory import Newcomers
from minik.server.apiserver import warning_headers, websocket_stream
from minik.server.apiserver.compression import compress, inflate, is_worth_it
from minik.server.apiserver.express import Framing, Head, Heads, is_bare_get
from minik.server.apiserver.negotiation import JSON
from minik.server.apiserver.pipeline import status_response
from minik.server.apiserver.plain_answer import (
    FLOW_SCHEMA,
    PRIORITY_LEVEL,
    is_plain,
    plain_answer,
    short_answer,
    stream_head,
)
from minik.server.apiserver.registry.answer import to_json
from minik.server.apiserver.registry.body import MAX_BODY
from minik.server.apiserver.request_info import resolve
from minik.server.apiserver.short_way import ShortAnswer
from minik.server.apiserver.stream_connection import StreamConnection, Streams, close_stream
from minik.upgrade import ANSWERED_WITH, Connection, Upgraded, UpgradingServer

log = logging.getLogger("minik.apiserver.http")

_KEEPALIVE = 180.0  # seconds an idle connection is kept
_PANIC = "This request caused apiserver to panic. Look in the logs for details.\n"
_SHUTDOWN = 5.0  # seconds running requests may take to end
_RAW_BODY = frozenset({"proxy", "exec", "attach", "portforward"})
_HEAD = 64 * 1024  # bytes of a request line or of one header
_NO_QUERY: Mapping[str, Sequence[str]] = {}

Handle = Callable[[Request], Awaitable[Response]]
Answers = Callable[[Head, bytes | None, str], ShortAnswer | None]
"""To a known head, from the certificate and the address of its sender."""
Upgrade = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


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


class _Connection(Connection):
    """Knows who is at the other end, and answers what is no HTTP request with a Status.

    Heads that are known take the short way (express.py) when nothing else is going on.
    """

    __slots__ = ("_door", "_framing", "certificate", "head", "remote")

    def __init__(self, door: "HttpDoor", server: web.Server, **settings: Any) -> None:
        super().__init__(server, **settings)
        self._door = door
        self._framing = Framing()
        self.head: bytes | None = None  # the bytes of the request that is being read, if the short way is open to it

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.certificate: bytes | None = _certificate(transport)
        address = transport.get_extra_info("peername")
        self.remote = str(address[0]) if isinstance(address, tuple) else ""

    def data_received(self, data: bytes) -> None:
        framing = self._framing
        if framing.lost or not data:  # aiohttp itself says "nothing more" to go on with what it kept
            return super().data_received(data)
        waiter = self._waiter
        self.head = None
        if framing.at_end and waiter is not None and not waiter.done() and not (self._messages or self._paused):
            if self._door.answered_at_once(self, data):
                self._next_keepalive_close_time = self._loop.time() + _KEEPALIVE
                return None
            if is_bare_get(data):
                self.head = data
        framing.feed(data)
        super().data_received(data)

    @property
    def busy(self) -> bool:
        """Whether there is more on this connection than the request that is being answered."""
        return not self._framing.at_end or bool(self._messages) or self._paused

    def let_go(self) -> asyncio.Transport | None:
        """The transport, which is somebody else's from here on; None if it is closed.

        Cancels the task that serves the connection, which must not wait for anything any more.
        """
        transport, self.transport = self.transport, None
        self.connection_lost(None)
        return None if transport is None or transport.is_closing() else transport

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        if isinstance(exc, BadHttpMethod):
            error = not_allowed()
        elif isinstance(exc, HttpProcessingError):
            error = bad_request(message or str(exc))
        else:
            broken = super().handle_error(request, status, exc, message)
            if status == 500 and isinstance(broken, web.Response):
                broken.content_type, broken.text = "text/plain", _PANIC
            return broken
        log.debug("no good request from %s: %s", request.remote, exc)
        answer = web.Response(status=error.code, body=to_json(error.status()), content_type=JSON)
        answer.force_close()
        return answer


def _certificate(transport: asyncio.BaseTransport) -> bytes | None:
    """The client's, in DER."""
    tls = transport.get_extra_info("ssl_object")
    certificate = None if tls is None else tls.getpeercert(binary_form=True)
    if certificate is None:
        return None
    transport.get_extra_info("peercert").clear()  # the same taken apart, which nobody reads
    return _one_of_equals(certificate)


@functools.lru_cache(maxsize=256)
def _one_of_equals(data: bytes) -> bytes:
    """Clients come with the same certificate again and again."""
    return data


class _Server(UpgradingServer):
    def __init__(
        self, door: "HttpDoor", handler: Callable[..., Awaitable[web.StreamResponse]], **settings: Any
    ) -> None:
        super().__init__(handler, **settings)
        self._door = door
        self._newcomers = Newcomers()

    def __call__(self) -> _Connection:
        self._newcomers.one_comes(self._loop)
        return _Connection(self._door, self, loop=self._loop, **self._kwargs)


class HttpDoor:
    """Serves `handle` on one address. `short_way` answers known reads that need no waiting, or says None."""

    def __init__(self, handle: Handle, short_way: Answers | None = None) -> None:
        self._handle = handle
        self._short_way = short_way
        self._heads = Heads()
        self._server = _Server(
            self,
            self._serve,
            keepalive_timeout=_KEEPALIVE,
            access_log=None,
            handler_cancellation=True,
            auto_decompress=False,
            logger=log,
            max_line_size=_HEAD,
            max_field_size=_HEAD,
        )
        start = os.urandom(10).hex()
        self._audit_prefix = f"{start[:8]}-{start[8:12]}-4{start[12:15]}-8{start[15:18]}-"
        self._audit_count = 0
        self._streams = Streams()
        self._endless: set[asyncio.Timeout] = set()  # upgraded connections, which end only when somebody ends them

    async def listen(self, host: str, port: int, context: ssl.SSLContext | None) -> asyncio.Server:
        loop = asyncio.get_running_loop()
        return await loop.create_server(self._server, host, port, ssl=context, backlog=1024, reuse_address=True)

    async def close(self) -> None:
        """Ends idle connections, watches and streams at once, other requests after a while."""
        now = asyncio.get_running_loop().time()
        for limit in self._endless:
            limit.reschedule(now)
        self._server.pre_shutdown()
        await self._streams.close(_SHUTDOWN)
        await self._server.shutdown(_SHUTDOWN)

    def answered_at_once(self, connection: _Connection, data: bytes) -> bool:
        """Whether these bytes were a known request, which has its answer now."""
        head = self._heads.find(data)
        if head is None or self._short_way is None or connection.transport is None:
            return False
        answer = self._short_way(head, connection.certificate, connection.remote)
        if answer is None or is_worth_it(answer.body, head.headers):
            return False
        for part in short_answer(answer, self._audit_id(head.headers)):
            connection.transport.write(part)
        return True

    def _audit_id_of(self, request: Request) -> str:
        """The auditor's, the client's own, or a new one."""
        return request.audit_id or self._audit_id(request.headers)

    def _audit_id(self, headers: Mapping[str, str]) -> str:
        """The client's own, or a UUID that costs less than a random one."""
        given = headers.get("audit-id", "")
        if given and given.isascii() and given.isprintable():
            return given[:64]
        self._audit_count += 1
        return f"{self._audit_prefix}{self._audit_count:012x}"

    async def _serve(self, incoming: web.BaseRequest) -> web.StreamResponse:
        try:
            request = await _read(incoming)
        except StatusError as error:
            bare = Request(method=incoming.method, path=incoming.path, headers=_lower(incoming))
            return _plain(incoming, bare, status_response(bare, error), self._audit_id_of(bare))
        response = await self._handle(request)
        if response.upgrade is not None:
            incoming[ANSWERED_WITH] = _always(request, self._audit_id_of(request))
            return await self._upgrade(incoming, response.upgrade)
        if response.stream is not None and websocket_stream.wanted(incoming):
            send = functools.partial(websocket_stream.send, chunks=response.stream, content_type=response.content_type)
            return await self._upgrade(incoming, send)
        if response.stream is not None:
            return await self._stream(incoming, request, response, response.stream)
        if is_worth_it(response.body, request.headers):
            await compress(response)
        if is_plain(incoming, response):
            self._learn(incoming, request, response)
            return plain_answer(request, response, self._audit_id_of(request))
        return _plain(incoming, request, response, self._audit_id_of(request))

    def _learn(self, incoming: web.BaseRequest, request: Request, response: Response) -> None:
        """Let this request take the short way the next time."""
        connection = incoming.protocol
        assert isinstance(connection, _Connection)
        if connection.head is not None and response.status == 200:
            self._heads.learn(connection.head, request)

    async def _upgrade(self, incoming: web.BaseRequest, upgrade: Upgrade) -> web.StreamResponse:
        """Somebody else's from here on, until the server stops."""
        try:
            async with self._until_closed():
                return await upgrade(incoming)
        except TimeoutError:
            if incoming.transport is not None:
                incoming.transport.close()
            return web.Response(status=503)

    async def _stream(
        self, incoming: web.BaseRequest, request: Request, response: Response, chunks: AsyncIterator[bytes]
    ) -> web.StreamResponse:
        """Chunks as they come, on the connection alone (stream_connection.py)."""
        connection = incoming.protocol
        assert isinstance(connection, _Connection)
        chunked = incoming.version >= HttpVersion11
        reusable = chunked and incoming.keep_alive and not connection.busy
        head = stream_head(response.status, _headers(request, response, self._audit_id_of(request)), chunked, reusable)
        transport = connection.let_go()
        if transport is None:
            log.debug("%s went away from %s", incoming.remote, incoming.path)
            await close_stream(chunks)
        else:
            transport.write(head)
            stream = StreamConnection(transport, self._server if reusable else None)
            self._streams.start(stream, chunks, chunked=chunked, direct=response.direct)
        return Upgraded()

    @contextlib.asynccontextmanager
    async def _until_closed(self) -> AsyncIterator[None]:
        """Raises TimeoutError inside when the door closes."""
        async with asyncio.timeout(None) as limit:
            self._endless.add(limit)
            try:
                yield
            finally:
                self._endless.discard(limit)


async def _read(incoming: web.BaseRequest) -> Request:
    target = incoming.raw_path
    if target[:1] != "/":  # a proxy's form of it: http://host/path
        target = "/" + target.partition("://")[2].partition("/")[2]
    path, separator, raw_query = target.partition("?")
    query = parse_qs(raw_query, keep_blank_values=True) if separator else _NO_QUERY
    method = incoming.method
    connection = incoming.protocol
    assert isinstance(connection, _Connection)
    body = b""
    if incoming.body_exists and resolve(method, path, query).subresource not in _RAW_BODY:
        body = await _body(incoming)
    return Request(
        method=method,
        path=path,
        query=query,
        headers=_lower(incoming),
        body=body,
        client_certificate=connection.certificate,
        remote_address=connection.remote,
    )


def _lower(incoming: web.BaseRequest) -> dict[str, str]:
    """Headers by lower-case name; repeated ones are joined with a line feed, which no value can contain."""
    found: dict[str, str] = {}
    for name, value in incoming.headers.items():
        name = name.lower()
        if not value.isascii():  # bytes that are not UTF-8 came as surrogates, which nothing could write again
            value = value.encode(errors="surrogateescape").decode(errors="replace")
        found[name] = f"{found[name]}\n{value}" if name in found else value
    return found


async def _body(incoming: web.BaseRequest) -> bytes:
    """The body, up to the limit. Raises StatusError 413."""
    if (incoming.content_length or 0) > MAX_BODY:
        raise too_large(MAX_BODY)
    if incoming.headers.get("Expect", "").lower() == "100-continue":
        await incoming.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        incoming.writer.output_size = 0
    chunks, size = [], 0
    async for chunk in incoming.content.iter_any():
        size += len(chunk)
        if size > MAX_BODY:
            raise too_large(MAX_BODY)
        chunks.append(chunk)
    body = b"".join(chunks)
    if incoming.headers.get("Content-Encoding") == "gzip":
        return inflate(body, MAX_BODY)
    return body


def _headers(request: Request, response: Response, audit_id: str) -> CIMultiDict[str]:
    headers: CIMultiDict[str] = CIMultiDict(response.headers)
    for name, value in _always(request, audit_id).items():
        headers.setdefault(name, value)
    if response.content_type:
        headers["Content-Type"] = response.content_type
    for warning in warning_headers.headers(response.warnings):
        headers.add("Warning", warning)
    return headers


def _always(request: Request, audit_id: str) -> dict[str, str]:
    headers = {"Audit-Id": audit_id, "Cache-Control": "no-cache, private"}
    if request.flow is not None:
        headers[FLOW_SCHEMA], headers[PRIORITY_LEVEL] = request.flow
    return headers


def _plain(incoming: web.BaseRequest, request: Request, response: Response, audit_id: str) -> web.Response:
    body = b"" if incoming.method == "HEAD" else response.body
    return web.Response(status=response.status, body=body, headers=_headers(request, response, audit_id))
