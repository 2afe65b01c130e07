"""One request and one answer, as the pipeline (server/apiserver/pipeline.py) sees them through both its doors.

Plain data. The HTTP door fills `body`; LocalClient may fill `obj` instead and reads `Response.obj`/`items`, so that
nothing in the process encodes what it decodes a moment later.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from minik.api.types import Obj, UserInfo


@dataclass(slots=True, kw_only=True)
class Request:
    """`query` keeps every value of a repeated parameter; `headers` has lower-case names."""

    method: str
    path: str
    query: Mapping[str, Sequence[str]] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    obj: Obj | None = None  # the decoded body, from LocalClient; owned by the pipeline from here on
    user: UserInfo | None = None  # set by LocalClient; the HTTP door leaves it to authentication
    client_certificate: bytes | None = None  # DER, verified by TLS against the client CA
    remote_address: str = ""
    local: bool = False  # answer with decoded objects instead of bytes
    audit_id: str = ""  # "": the HTTP door makes one
    audit: Any = None  # the audit trail (server/apiserver/audit), when there is one
    flow: tuple[str, str] | None = None  # UIDs of its FlowSchema and priority level, once it is classified


@dataclass(frozen=True, slots=True)
class WatchEvent:
    """One event of a watch. `type`: ADDED, MODIFIED, DELETED, BOOKMARK, ERROR. `obj` is shared: never change it."""

    type: str
    obj: Obj


class Sink(Protocol):
    """A connection whose answer is under way in chunks: takes more of them without waiting, already framed."""

    @property
    def paused(self) -> bool:
        """Whether the other end reads too slowly to be sent more now."""
        ...

    def write(self, framed: bytes) -> None: ...


@dataclass(slots=True, kw_only=True)
class Response:
    """The answer. Exactly one of body, obj, items, events, stream carries the content.

    obj, items and events are only used when `Request.local`; the objects in them are shared and read-only.
    `stream` yields byte chunks (watches, logs). Upgraded connections (exec, port-forward, proxy) never come here
    whole: `upgrade` gets the HTTP door's own request (aiohttp's web.BaseRequest) and answers it (web.StreamResponse).
    """

    status: int = 200
    content_type: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    body: bytes = b""
    obj: Obj | None = None
    items: list[Obj] | None = None
    resource_version: str = ""
    continue_token: str = ""
    events: AsyncIterator[Sequence[WatchEvent]] | None = None
    stream: AsyncIterator[bytes] | None = None
    upgrade: Callable[[Any], Awaitable[Any]] | None = None
    # of a stream that writes to the connection itself while nothing it yielded is being written
    direct: Callable[[Sink], None] | None = None
