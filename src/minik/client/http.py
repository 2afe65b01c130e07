"""The door for callers elsewhere: the API over HTTPS.

One aiohttp session with keepalive and mutual TLS or a bearer token. What the server refuses becomes a StatusError; a
server that cannot be reached, or goes away in the middle, a ConnectionError. See client.Client for the contract.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import quote, urlencode

import aiohttp
import orjson
from yarl import URL

from minik.api.request import WatchEvent
from minik.api.status import StatusError
from minik.api.types import GVR, Obj
from minik.client.client import MERGE_PATCH, ListResult
from minik.client.paths import (
    Query,
    delete_options,
    list_query,
    patch_query,
    path,
    raise_watch_error,
    status_error,
    watch_query,
)
from minik.client.request_counts import COUNTS

_CONNECT = 10.0  # seconds to reach the server
_REQUEST = 60.0  # seconds for a whole request that is no watch
_PATIENCE = 5  # times a server may say that it is too busy
_SILENCE = 300.0  # seconds without a byte after which a watch counts as dead; bookmarks come about once a minute
_CHUNK = 1 << 16
_LIMITS = aiohttp.ClientTimeout(total=_REQUEST, sock_connect=_CONNECT)
_WATCH_LIMITS = aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT, sock_read=_SILENCE)
_FAILURES = (aiohttp.ClientConnectionError, aiohttp.ClientPayloadError, asyncio.TimeoutError, ssl.SSLError)

Token = str | Callable[[], str]
"""A bearer token, or how to get the present one (projected tokens are renewed on disk)."""


class HttpClient:
    """client.Client over the network. Use with `async with`, or call `close`.

    `ca` None trusts the system's authorities. `certificate` and `key` identify the client, or `token` does.
    """

    def __init__(
        self,
        url: str,
        *,
        ca: Path | None = None,
        certificate: Path | None = None,
        key: Path | None = None,
        token: Token = "",
        agent: str = "minik",
    ) -> None:
        self._url = url.rstrip("/")
        self._files = (ca, certificate, key)
        self._token = token
        self._agent = agent
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> "HttpClient":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    # -- the Client interface

    async def get(self, resource: GVR, name: str, namespace: str | None = None, *, subresource: str = "") -> Obj:
        return await self._object("GET", path(resource, namespace, name, subresource))

    async def list(
        self,
        resource: GVR,
        namespace: str | None = None,
        *,
        label_selector: str = "",
        field_selector: str = "",
        resource_version: str = "",
        limit: int = 0,
        continue_token: str = "",
        metric_label_selector: str = "",
    ) -> ListResult:
        query = list_query(
            label_selector, field_selector, resource_version, limit, continue_token, metric_label_selector
        )
        answer = await self._object("GET", path(resource, namespace), query)
        metadata = answer.get("metadata") or {}
        items = answer.get("items") or []
        kind, api_version = answer.get("kind", "").removesuffix("List"), answer.get("apiVersion", "")
        for item in items:  # lists leave out what every item has in common
            item.setdefault("kind", kind)
            item.setdefault("apiVersion", api_version)
        return ListResult(items, metadata.get("resourceVersion", ""), metadata.get("continue", ""))

    async def create(
        self, resource: GVR, obj: Obj, namespace: str | None = None, *, name: str = "", subresource: str = ""
    ) -> Obj:
        where = path(resource, _namespace(obj, namespace), name, subresource)
        return await self._object("POST", where, content=obj)

    async def update(self, resource: GVR, obj: Obj, namespace: str | None = None, *, subresource: str = "") -> Obj:
        where = path(resource, _namespace(obj, namespace), obj["metadata"]["name"], subresource)
        return await self._object("PUT", where, content=obj)

    async def patch(
        self,
        resource: GVR,
        name: str,
        patch: Any,
        namespace: str | None = None,
        *,
        patch_type: str = MERGE_PATCH,
        subresource: str = "",
        field_manager: str = "",
        force: bool = False,
    ) -> Obj:
        where = path(resource, namespace, name, subresource)
        return await self._object("PATCH", where, patch_query(field_manager, force), content=patch, kind=patch_type)

    async def delete(
        self,
        resource: GVR,
        name: str,
        namespace: str | None = None,
        *,
        grace_period_seconds: int | None = None,
        propagation_policy: str = "",
        uid: str = "",
        resource_version: str = "",
    ) -> Obj:
        options = delete_options(grace_period_seconds, propagation_policy, uid, resource_version)
        return await self._object("DELETE", path(resource, namespace, name), content=options)

    async def delete_collection(
        self,
        resource: GVR,
        namespace: str | None = None,
        *,
        label_selector: str = "",
        field_selector: str = "",
        propagation_policy: str = "",
    ) -> None:
        query = list_query(label_selector, field_selector, "", 0, "")
        options = delete_options(None, propagation_policy, "", "")
        await self._object("DELETE", path(resource, namespace), query, content=options)

    async def watch(
        self,
        resource: GVR,
        namespace: str | None = None,
        *,
        resource_version: str = "",
        label_selector: str = "",
        field_selector: str = "",
        allow_bookmarks: bool = True,
        send_initial_events: bool = False,
    ) -> AsyncIterator[Sequence[WatchEvent]]:
        query = watch_query(resource_version, label_selector, field_selector, allow_bookmarks, send_initial_events)
        async with self._answer("GET", path(resource, namespace), query, limits=_WATCH_LIMITS) as answer:
            async for lines in _lines(answer.content):
                events = [_event(line) for line in lines]
                for event in events:
                    if event.type == "ERROR":
                        raise_watch_error(event.obj)
                yield events

    # -- underneath

    async def raw(self, method: str, where: str, *, body: bytes = b"", kind: str = "") -> bytes:
        """Any path of the server; the body of a good answer. Raises StatusError and ConnectionError."""
        async with self._answer(method, where, None, body=body, kind=kind) as answer:
            return await answer.read()

    async def _object(
        self,
        method: str,
        where: str,
        query: Query | None = None,
        *,
        content: Any = None,
        kind: str = "application/json",
    ) -> Obj:
        body = orjson.dumps(content) if content is not None else b""
        async with self._answer(method, where, query, body=body, kind=kind) as answer:
            raw = await answer.read()
        return orjson.loads(raw) if raw else {}

    @asynccontextmanager
    async def _answer(
        self,
        method: str,
        where: str,
        query: Query | None,
        *,
        body: bytes = b"",
        kind: str = "",
        limits: aiohttp.ClientTimeout = _LIMITS,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """The answer to a request, if it is a good one. A server that is too busy is asked again."""
        session, address = await self._open(), self._address(where, query)
        try:
            for attempt in range(_PATIENCE + 1):
                headers = self._headers(kind if body else "")
                async with session.request(
                    method, address, data=body or None, headers=headers, timeout=limits
                ) as answer:
                    COUNTS.add(str(answer.status), address.authority, method)
                    if answer.status < 400:
                        yield answer
                        return
                    wait = answer.headers.get("Retry-After", "") if answer.status == 429 else ""
                    refusal = _refusal(answer.status, await answer.read())
                if attempt == _PATIENCE or not wait.isdigit():
                    raise refusal
                await asyncio.sleep(int(wait))
        except _FAILURES as error:
            COUNTS.add("<error>", address.authority, method)
            raise ConnectionError(f"{method} {self._url}{where}: {error or type(error).__name__}") from error

    def _address(self, where: str, query: Query | None) -> URL:
        address = self._url + quote(where, safe="/:@!$&'()*+,;=-._~%")
        return URL(f"{address}?{urlencode(query, doseq=True)}" if query else address, encoded=True)

    def _headers(self, kind: str) -> Mapping[str, str]:
        headers = {"Accept": "application/json", "User-Agent": self._agent}
        if kind:
            headers["Content-Type"] = kind
        token = self._token if isinstance(self._token, str) else self._token()
        if token:
            headers["Authorization"] = f"Bearer {token}"
        return headers

    async def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            context = await asyncio.to_thread(_tls, *self._files)
            if self._session is None:
                connector = aiohttp.TCPConnector(ssl=context, limit=0, keepalive_timeout=90.0)
                self._session = aiohttp.ClientSession(connector=connector, read_bufsize=_CHUNK)
        return self._session


def _tls(ca: Path | None, certificate: Path | None, key: Path | None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=None if ca is None else str(ca))
    if certificate is not None:
        context.load_cert_chain(certificate, key)
    return context


def _refusal(code: int, body: bytes) -> StatusError:
    """The StatusError of a bad answer, also when it is not a Status."""
    try:
        status = orjson.loads(body)
    except orjson.JSONDecodeError:
        status = None
    if isinstance(status, dict) and status.get("kind") == "Status":
        return status_error(status, code)
    return StatusError(code, "", body.decode(errors="replace").strip() or f"HTTP {code}")


async def _lines(content: aiohttp.StreamReader) -> AsyncIterator[Sequence[bytes]]:
    """Whole lines, as many as have arrived at once."""
    rest: list[bytes] = []
    async for chunk in content.iter_any():
        first, newline, more = chunk.partition(b"\n")
        if not newline:
            rest.append(chunk)
            continue
        lines = [b"".join([*rest, first]), *more.split(b"\n")]
        last = lines.pop()
        rest = [last] if last else []
        yield [line for line in lines if line]


def _event(line: bytes) -> WatchEvent:
    try:
        event = orjson.loads(line)
    except orjson.JSONDecodeError:
        raise ConnectionError("a watch was cut off in the middle of an event") from None
    return WatchEvent(event["type"], event["object"])


def _namespace(obj: Obj, namespace: str | None) -> str | None:
    return namespace if namespace is not None else (obj.get("metadata") or {}).get("namespace")
