"""Carries one request to what a proxy subresource names, and the answer back.

Pages are told where they are: redirects and links lead through the proxy again, and the target learns the path it was
reached at. Connections that upgrade (WebSocket, SPDY) are carried through as they are.
Rules: apimachinery's util/proxy UpgradeAwareHandler.
"""

import asyncio
import ssl
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

import aiohttp
import orjson
from aiohttp import web
from multidict import CIMultiDict
from yarl import URL

from minik.api.status import StatusError, internal_error
from minik.server.apiserver.streaming.html_links import Mapping, escaped, joined, rewrite
from minik.server.apiserver.streaming.kubelets import CONNECT_TIMEOUT
from minik.server.apiserver.webhooks.refusals import connection_text
from minik.upgrade import HEAD_LIMIT, UpgradeRefused, ask, carry, upgrade_headers, upgrade_of

LARGEST_PAGE = 16 << 20  # bytes whose links are rewritten; a Pod must not fill the API server's memory
_HOP_BY_HOP = frozenset(
    {"connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "te", "trailer", "transfer-encoding"}
)
_WITHHELD = _HOP_BY_HOP | {"authorization", "upgrade", "x-forwarded-for", "x-forwarded-uri"}
_CROSS_ORIGIN = frozenset(
    f"access-control-allow-{what}" for what in ("credentials", "headers", "methods", "origin")
)  # whom a Pod lets in is not whom the API server lets in
_BODILESS = (204, 304)


@dataclass(frozen=True, slots=True)
class Target:
    """Where a request goes: `scheme://host:port`. `path` is what follows the proxy subresource, not escaped."""

    scheme: str
    host: str
    port: int
    path: str = ""
    tls: ssl.SSLContext | None = None

    @property
    def authority(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


async def forward(incoming: web.BaseRequest, target: Target) -> web.StreamResponse:
    """Answers `incoming`; what cannot be reached is a 503."""
    raw, _, query = incoming.raw_path.partition("?")
    query = f"?{query}" if query else ""
    if "upgrade" in incoming.headers.get("Connection", "").lower() and upgrade_of(incoming.headers):
        return await _upgrade(incoming, target, (escaped(target.path) or "/") + query)
    if not target.path and incoming.method in ("GET", "HEAD"):
        return web.Response(status=301, headers={"Location": f"{raw}/{query}"})
    try:
        return await _send(incoming, target, query)
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        text = f"error trying to reach service: {connection_text(error) or 'i/o timeout'}"
        return _refusal(StatusError(503, "ServiceUnavailable", text))


async def _send(incoming: web.BaseRequest, target: Target, query: str) -> web.StreamResponse:
    path = escaped(target.path) or "/"
    prefix = unquote(urlsplit(incoming.raw_path).path).removesuffix(target.path)
    url = URL(f"{target.scheme}://{target.authority}{path}{query}", encoded=True)
    headers = _passed_on(incoming)
    headers["X-Forwarded-Uri"] = joined(prefix, target.path or "/").removesuffix("" if target.path else "/")
    mapping = Mapping(prefix, target.authority, incoming.headers.get("Host", ""))
    async with (
        aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=None, connect=CONNECT_TIMEOUT),
            connector=aiohttp.TCPConnector(ssl=target.tls or False),
            auto_decompress=False,
            skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
        ) as session,
        session.request(
            incoming.method,
            url,
            headers=headers,
            data=incoming.content if incoming.body_exists else None,
            allow_redirects=False,
        ) as answer,
    ):
        return await _answer(incoming, answer, mapping)


async def _answer(incoming: web.BaseRequest, answer: aiohttp.ClientResponse, mapping: Mapping) -> web.StreamResponse:
    headers, read = _handed_back(answer), b""
    if location := headers.get("Location"):
        headers["Location"] = mapping.through(location)
    elif _is_page(answer) and incoming.method != "HEAD" and answer.status not in _BODILESS:
        read = await _beginning(answer, LARGEST_PAGE + 1)
        page = await asyncio.to_thread(_page, read, answer.headers.get("Content-Encoding", ""), mapping)
        if page is not None:
            headers.popall("Content-Length", None)
            return web.Response(status=answer.status, reason=answer.reason, headers=headers, body=page)
    outgoing = web.StreamResponse(status=answer.status, reason=answer.reason, headers=headers)
    await outgoing.prepare(incoming)
    await outgoing.write(read)
    if incoming.method != "HEAD":
        async for chunk in answer.content.iter_any():
            await outgoing.write(chunk)
    await outgoing.write_eof()
    return outgoing


def _is_page(answer: aiohttp.ClientResponse) -> bool:
    kind = answer.headers.get("Content-Type", "").partition(";")[0].strip()
    return kind == "text/html" and answer.headers.get("Content-Encoding", "") in ("", "gzip", "deflate")


async def _beginning(answer: aiohttp.ClientResponse, most: int) -> bytes:
    """The body; if it has `most` bytes or more, its first part, and the rest is yet to be read."""
    chunks, size = [], 0
    async for chunk in answer.content.iter_any():
        chunks.append(chunk)
        size += len(chunk)
        if size >= most:
            break
    return b"".join(chunks)


def _page(body: bytes, encoding: str, mapping: Mapping) -> bytes | None:
    """The page with its links rewritten, compressed as it was. Go's "deflate" has no zlib header.

    None: it is too large, also once unpacked, or not packed as it says, and goes on as it came.
    """
    wbits = {"gzip": 31, "deflate": -15}.get(encoding)
    text = _unpacked(body, wbits) if wbits else body
    if text is None or max(len(body), len(text)) > LARGEST_PAGE:
        return None
    page = rewrite(text.decode(errors="surrogateescape"), mapping.through).encode(errors="surrogateescape")
    if wbits is None:
        return page
    packer = zlib.compressobj(wbits=wbits)
    return packer.compress(page) + packer.flush()


def _unpacked(body: bytes, wbits: int) -> bytes | None:
    unpacker = zlib.decompressobj(wbits)
    try:
        text = unpacker.decompress(body, LARGEST_PAGE + 1)
    except zlib.error:
        return None
    return text if unpacker.eof and not unpacker.unused_data else None


def _passed_on(incoming: web.BaseRequest) -> CIMultiDict[str]:
    """The client's headers without credentials and what belongs to one connection only."""
    headers = _without(incoming.headers.items(), _WITHHELD | _named(incoming.headers.getall("Connection", [])))
    for name in [name for name in headers if name.lower().startswith(("impersonate-", "x-remote-"))]:
        headers.popall(name, None)
    came_by = [*incoming.headers.getall("X-Forwarded-For", []), *([incoming.remote] if incoming.remote else [])]
    if came_by:
        headers["X-Forwarded-For"] = ", ".join(came_by)
    return headers


def _handed_back(answer: aiohttp.ClientResponse) -> CIMultiDict[str]:
    dropped = _HOP_BY_HOP | _CROSS_ORIGIN | _named(answer.headers.getall("Connection", []))
    return _without(answer.headers.items(), dropped)


def _named(connection: Iterable[str]) -> frozenset[str]:
    """Headers the Connection header says are of this connection only."""
    return frozenset(name.strip().lower() for value in connection for name in value.split(","))


def _without(headers: Iterable[tuple[str, str]], dropped: frozenset[str]) -> CIMultiDict[str]:
    return CIMultiDict((name, value) for name, value in headers if name.lower() not in dropped)


async def _upgrade(incoming: web.BaseRequest, target: Target, path: str) -> web.StreamResponse:
    try:
        async with asyncio.timeout(CONNECT_TIMEOUT):
            reader, writer = await asyncio.open_connection(target.host, target.port, ssl=target.tls, limit=HEAD_LIMIT)
    except (OSError, TimeoutError) as error:
        reason = error.strerror.lower() if isinstance(error, OSError) and error.strerror else "i/o timeout"
        return _refusal(internal_error(f"error dialing backend: dial tcp {target.authority}: connect: {reason}"))
    try:
        headers = upgrade_headers(incoming, incoming.headers.get("Host", target.authority))
        head = await ask(reader, writer, incoming.method, path, headers)
        return await carry(incoming, reader, writer, head)
    except UpgradeRefused as refused:
        if refused.status >= 400:
            return web.Response(status=refused.status, text=refused.body)
        return _refusal(internal_error(f"invalid upgrade response: status code {refused.status}"))
    except ConnectionError as error:
        return _refusal(internal_error(str(error)))
    finally:
        writer.close()


def _refusal(error: StatusError) -> web.Response:
    body = orjson.dumps(error.status(), option=orjson.OPT_APPEND_NEWLINE)
    return web.Response(status=error.code, body=body, content_type="application/json")
