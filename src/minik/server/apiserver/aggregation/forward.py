"""One request, sent on to an aggregated API server, and its answer.

    plain answer -> read whole when it is short, passed on in chunks otherwise (lists, watches)
    upgrade      -> a connection of its own, carried through byte by byte

Requests from this process are in_process.py's.
"""

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from minik.api.request import Request, Response
from minik.api.status import StatusError
from minik.api.types import UserInfo
from minik.server.apiserver.aggregation.api_service import Backend
from minik.server.apiserver.aggregation.backends import Backends, unreachable
from minik.server.apiserver.aggregation.sender import handed_back, identity, passed_on
from minik.server.apiserver.request_info import RequestInfo
from minik.server.apiserver.routes import text
from minik.upgrade import UpgradeRefused, ask, carry, upgrade_headers, upgrade_of

if TYPE_CHECKING:
    import aiohttp
    from aiohttp import web

_SHORT = 1 << 20  # bytes of an answer that is read before it is passed on
_UNREAD = frozenset({"proxy", "exec", "attach", "portforward"})  # whose bodies the door leaves on the connection


def unavailable() -> Response:
    return text(503, "service unavailable\n")


async def forward(
    backends: Backends, backend: Backend, request: Request, info: RequestInfo, user: UserInfo
) -> Response:
    """Never raises: what goes wrong is the plain text upstream answers with."""
    if upgrade_of(request.headers):
        return _upgraded(backends, backend, request, user)
    if info.subresource in _UNREAD and request.method not in ("GET", "HEAD"):
        return _with_body_as_it_comes(backends, backend, request, user)
    try:
        return await _answered(request, await ask_as(backends, backend, request, user))
    except StatusError:
        return unavailable()
    except unreachable() as error:
        return _unreachable(error)


def _unreachable(error: BaseException) -> Response:
    from minik.server.apiserver.webhooks.refusals import connection_text

    return text(503, f"error trying to reach service: {connection_text(error)}\n")


def _path(request: Request) -> str:
    return f"{request.path}?{urlencode(request.query, doseq=True)}" if request.query else request.path


async def ask_as(
    backends: Backends, backend: Backend, request: Request, user: UserInfo, *, data: Any = None
) -> "aiohttp.ClientResponse":
    """Ask as `user`. Raises as Backends.ask does."""
    headers = passed_on(request.headers)
    headers.extend(identity(user))
    headers.popall("content-encoding", None)  # the door has unpacked the body
    if request.remote_address:
        before = headers.pop("X-Forwarded-For", "")
        headers["X-Forwarded-For"] = f"{before}, {request.remote_address}" if before else request.remote_address
    return await backends.ask(backend, request.method, _path(request), headers, data or request.body or None)


async def _answered(request: Request, answer: "aiohttp.ClientResponse") -> Response:
    headers = handed_back(answer.headers)
    response = Response(status=answer.status, content_type=headers.pop("Content-Type", ""), headers=headers)
    short = answer.content_length is not None and answer.content_length <= _SHORT
    if request.method == "HEAD" or short or answer.status in (204, 304):
        try:
            response.body = await answer.read()
        finally:
            answer.release()
    else:
        response.stream = _Chunks(answer)
    return response


class _Chunks:
    """An answer's body as it comes. Closing it drops the connection, so that the other side notices."""

    def __init__(self, answer: "aiohttp.ClientResponse") -> None:
        self._answer = answer
        self._chunks = answer.content.iter_any()

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        try:
            return await self._chunks.__anext__()
        except unreachable() as error:
            raise ConnectionResetError(str(error)) from None  # the client sees the stream cut off as well

    async def aclose(self) -> None:
        self._answer.close()


def _upgraded(backends: Backends, backend: Backend, request: Request, user: UserInfo) -> Response:
    async def upgrade(incoming: "web.BaseRequest") -> "web.StreamResponse":
        from aiohttp import web
        from multidict import CIMultiDict

        try:
            authority, reader, writer = await backends.connect(backend)
        except StatusError:
            return web.Response(status=503, text="service unavailable\n")
        except unreachable() as error:
            return web.Response(status=503, text=_unreachable(error).body.decode())
        try:
            headers = CIMultiDict(upgrade_headers(incoming, authority))
            headers.extend(identity(user))
            head = await ask(reader, writer, request.method, _path(request), headers)
            return await carry(incoming, reader, writer, head)
        except UpgradeRefused as error:
            return web.Response(status=error.status, text=error.body)
        except ConnectionError as error:
            return web.Response(status=503, text=f"error trying to reach service: {error}\n")
        finally:
            writer.close()

    return Response(upgrade=upgrade)


def _with_body_as_it_comes(backends: Backends, backend: Backend, request: Request, user: UserInfo) -> Response:
    """For requests whose body may never end, which the door has not read."""

    async def pass_on(incoming: "web.BaseRequest") -> "web.StreamResponse":
        from aiohttp import web

        body = incoming.content if incoming.body_exists else None
        try:
            answer = await ask_as(backends, backend, request, user, data=body)
        except StatusError:
            return web.Response(status=503, text="service unavailable\n")
        except unreachable() as error:
            return web.Response(status=503, text=_unreachable(error).body.decode())
        try:
            outgoing = web.StreamResponse(status=answer.status, headers=handed_back(answer.headers))
            await outgoing.prepare(incoming)
            async for chunk in answer.content.iter_any():
                await outgoing.write(chunk)
            await outgoing.write_eof()
            return outgoing
        finally:
            answer.close()

    return Response(upgrade=pass_on)
