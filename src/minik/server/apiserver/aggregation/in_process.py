"""Requests of this process for what an aggregated API server serves (metrics for the autoscaler, garbage to collect).

They get decoded objects and StatusErrors, as from any other part of the API.
"""

from collections import deque
from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING, Any

import orjson

from minik.api.request import Request, Response, WatchEvent
from minik.api.status import StatusError, service_unavailable
from minik.api.types import UserInfo
from minik.client.paths import status_error
from minik.server.apiserver.aggregation.api_service import Backend
from minik.server.apiserver.aggregation.backends import Backends, unreachable
from minik.server.apiserver.aggregation.forward import ask_as
from minik.server.apiserver.request_info import RequestInfo

if TYPE_CHECKING:
    import aiohttp


async def ask_in_process(
    backends: Backends, backend: Backend, request: Request, info: RequestInfo, user: UserInfo
) -> Response:
    """Raises StatusError."""
    try:
        answer = await ask_as(backends, backend, _encoded(request), user)
        if info.verb == "watch" and answer.status == 200:
            return Response(events=_Events(answer))
        async with answer:
            body = await answer.read()
    except unreachable() as error:
        raise _unreachable(error) from None
    decoded = _decoded(answer.status, body)
    if info.verb != "list" or not isinstance(decoded.get("items"), list):
        return Response(status=answer.status, obj=decoded)
    metadata = decoded.get("metadata") or {}
    kind, api_version = decoded.get("kind", "").removesuffix("List"), decoded.get("apiVersion", "")
    for item in decoded["items"]:
        item.setdefault("kind", kind)
        item.setdefault("apiVersion", api_version)
    return Response(
        items=decoded["items"],
        resource_version=metadata.get("resourceVersion", ""),
        continue_token=metadata.get("continue", ""),
    )


def _encoded(request: Request) -> Request:
    headers = {**request.headers, "accept": "application/json"}
    body = request.body
    if request.obj is not None:
        headers["content-type"] = "application/json"
        body = orjson.dumps(request.obj)
    return Request(method=request.method, path=request.path, query=request.query, headers=headers, body=body)


def _decoded(status: int, body: bytes) -> Any:
    try:
        decoded = orjson.loads(body) if body else {}
    except orjson.JSONDecodeError:
        decoded = None
    if status >= 400:
        if isinstance(decoded, dict) and decoded.get("kind") == "Status":
            raise status_error(decoded, status)
        reason = "ServiceUnavailable" if status == 503 else ""
        raise StatusError(status, reason, body.decode(errors="replace").strip() or f"HTTP {status}")
    if not isinstance(decoded, dict):
        raise service_unavailable("the aggregated API server's answer is no object")
    return decoded


def _unreachable(error: BaseException) -> StatusError:
    return service_unavailable(f"error trying to reach service: {error or type(error).__name__}")


class _Events:
    """The events of a watch, one by one. Closing it drops the connection, so that the other side notices."""

    def __init__(self, answer: "aiohttp.ClientResponse") -> None:
        self._answer = answer
        self._lines: deque[bytes] = deque()
        self._rest: list[bytes] = []

    def __aiter__(self) -> AsyncIterator[Sequence[WatchEvent]]:
        return self

    async def __anext__(self) -> Sequence[WatchEvent]:
        while not self._lines:
            try:
                chunk = await self._answer.content.readany()
            except unreachable() as error:
                raise _unreachable(error) from None
            if not chunk:
                raise StopAsyncIteration
            first, newline, more = chunk.partition(b"\n")
            self._rest.append(first)
            if newline:
                *whole, last = more.split(b"\n")
                self._lines.extend(line for line in (b"".join(self._rest), *whole) if line)
                self._rest = [last]
        found = [orjson.loads(line) for line in self._lines]
        self._lines.clear()
        return [WatchEvent(event["type"], event["object"]) for event in found]

    async def aclose(self) -> None:
        self._answer.close()
