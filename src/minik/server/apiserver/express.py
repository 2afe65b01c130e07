"""The short way for reads that are asked again and again: the same request head, byte for byte.

A client that polls, or an operator that gets one object after the other, sends heads that differ in the path at most.
Once a head has gone the long way (aiohttp's parser, a task, http_door.py), what was read from it is kept, and the next
time the pipeline is run at once, while the bytes arrive. Only what HTTP is about is remembered: authentication,
authorization and the object are looked at anew for every request. Whatever would have to wait goes the long way.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from minik.api.request import Request

_END = b"\r\n\r\n"
_LONGEST = 8 * 1024  # bytes of a head that is worth keeping
_MOST = 1024  # heads kept
_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d+)[ \t]*\r\n", re.IGNORECASE)
_UNCOUNTED = re.compile(rb"\r\n(?:transfer-encoding|upgrade):", re.IGNORECASE)
_UNUSUAL = re.compile(
    rb"\r\n(?:content-length|transfer-encoding|upgrade|expect|connection:(?![ \t]*keep-alive[ \t]*\r\n))", re.IGNORECASE
)


@dataclass(slots=True)
class Head:
    """What is in a request head that has been read before. `plan` is where its way led then (short_way.Plan)."""

    path: str
    query: Mapping[str, Sequence[str]]
    headers: Mapping[str, str]
    plan: object = None

    def request(self, client_certificate: bytes | None, remote_address: str) -> Request:
        return Request(
            method="GET",
            path=self.path,
            query=self.query,
            headers=self.headers,
            client_certificate=client_certificate,
            remote_address=remote_address,
        )


class Heads:
    """The heads known to one server."""

    def __init__(self) -> None:
        self._known: dict[bytes, Head] = {}
        self.find = self._known.get

    def learn(self, raw: bytes, request: Request) -> None:
        """`raw` is what `request` was read from."""
        if len(self._known) >= _MOST:
            self._known.clear()
        self._known[raw] = Head(request.path, request.query, request.headers)

    def forget(self, raw: bytes) -> None:
        self._known.pop(raw, None)


def is_bare_get(data: bytes) -> bool:
    """Whether `data` is the head of a GET, the whole head and nothing else, and an ordinary one."""
    if not data.startswith(b"GET ") or len(data) > _LONGEST:
        return False
    return data.find(_END) == len(data) - len(_END) and _UNUSUAL.search(data) is None


class Framing:
    """Whether everything a connection has sent ends with the end of a request.

    aiohttp's parser keeps the beginning of a request to itself until the rest comes. A head may take the short way only
    if the parser has nothing, so the bytes it was given are counted here. What is too hard to count ends the counting.
    """

    __slots__ = ("_left", "lost")

    def __init__(self) -> None:
        self._left = 0  # bytes of a body to come
        self.lost = False

    @property
    def at_end(self) -> bool:
        return not (self._left or self.lost)

    def feed(self, data: bytes) -> None:
        """`data` came next."""
        if self.lost:
            return
        if self._left:
            self._left -= len(data)
        else:
            end = data.find(_END)
            length = _LENGTH.search(data, 0, end + 2) if end > 0 else None
            if end < 0 or (length is None and _UNCOUNTED.search(data, 0, end + 2)):
                self.lost = True
                return
            self._left = (int(length.group(1)) if length else 0) - (len(data) - end - len(_END))
        self.lost = self._left < 0
