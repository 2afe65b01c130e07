"""A whole answer, written to its HTTP connection at once.

aiohttp's own responses can do everything and cost as much as the rest of a read. Most answers are a status, a content
type and a body, so their head is put together here. Whatever is not like that goes aiohttp's way (http_door.py).
"""

import time
from collections.abc import Sequence
from functools import lru_cache
from http import HTTPStatus

from aiohttp import web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.client_exceptions import ClientConnectionResetError
from aiohttp.http import HttpVersion11
from multidict import CIMultiDict

from minik.api.request import Request, Response
from minik.server.apiserver.short_way import ShortAnswer

FLOW_SCHEMA, PRIORITY_LEVEL = "X-Kubernetes-PF-FlowSchema-UID", "X-Kubernetes-PF-PriorityLevel-UID"
_COPIED = 64 * 1024  # bytes; copying a larger body costs more than a second write
_WITHOUT_BODY = frozenset({204, 304})


class PlainAnswer(web.StreamResponse):
    """`parts` are written as they are."""

    def __init__(self, status: int, parts: Sequence[bytes]) -> None:
        self._status = status  # aiohttp's __init__ would make headers nobody reads
        self._keep_alive = True
        self._parts = parts

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        protocol = request.protocol
        transport = protocol.transport
        if transport is None or transport.is_closing():
            raise ClientConnectionResetError("the client has gone")
        for part in self._parts:
            transport.write(part)
        self._eof_sent = True
        if protocol._paused:
            await protocol._drain_helper()
        return None

    async def write_eof(self, data: bytes = b"") -> None:
        return None


def is_plain(incoming: web.BaseRequest, response: Response) -> bool:
    """Whether this answer can be a PlainAnswer."""
    if response.headers or response.warnings or response.status in _WITHOUT_BODY:
        return False
    return incoming.version == HttpVersion11 and incoming.keep_alive


def plain_answer(request: Request, response: Response, audit_id: str) -> PlainAnswer:
    """`audit_id` is printable ASCII."""
    head = _head(response.status, response.content_type, request.flow, len(response.body), audit_id)
    return PlainAnswer(response.status, (head,) if request.method == "HEAD" else _parts(head, response.body))


def short_answer(answer: ShortAnswer, audit_id: str) -> Sequence[bytes]:
    """The bytes of a good answer; `audit_id` is printable ASCII."""
    return _parts(_head(200, answer.content_type, answer.flow, len(answer.body), audit_id), answer.body)


def stream_head(status: int, headers: CIMultiDict[str], chunked: bool, reusable: bool) -> bytes:
    """The head of an answer whose length nobody knows. `reusable`: the connection takes further requests after it."""
    lines = [f"HTTP/1.1 {status} {_reason(status)}", *(f"{name}: {value}" for name, value in headers.items())]
    if chunked:
        lines.append("Transfer-Encoding: chunked")
    if not reusable:
        lines.append("Connection: close")
    return "\r\n".join(lines).encode() + b"\r\nDate: %b\r\n\r\n" % _date(int(time.time()))


def _parts(head: bytes, body: bytes) -> Sequence[bytes]:
    return (head + body,) if len(body) < _COPIED else (head, body)


def _head(status: int, content_type: str, flow: tuple[str, str] | None, length: int, audit_id: str) -> bytes:
    return b"%b%b\r\nContent-Length: %d\r\nAudit-Id: %b\r\n\r\n" % (
        _start(status, content_type, flow),
        _date(int(time.time())),
        length,
        audit_id.encode(),
    )


@lru_cache(maxsize=256)
def _start(status: int, content_type: str, flow: tuple[str, str] | None) -> bytes:
    """The head up to the date."""
    kind = f"Content-Type: {content_type}\r\n" if content_type else ""
    if flow is not None:
        kind += f"{FLOW_SCHEMA}: {flow[0]}\r\n{PRIORITY_LEVEL}: {flow[1]}\r\n"
    return f"HTTP/1.1 {status} {_reason(status)}\r\n{kind}Cache-Control: no-cache, private\r\nDate: ".encode()


def _reason(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""


@lru_cache(maxsize=1)
def _date(now: int) -> bytes:
    """https://www.rfc-editor.org/rfc/rfc9110#field.date in English, whatever the locale."""
    at = time.gmtime(now)
    day = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")[at.tm_wday]
    months = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
    return time.strftime(f"{day}, %d {months[at.tm_mon - 1]} %Y %H:%M:%S GMT", at).encode()
