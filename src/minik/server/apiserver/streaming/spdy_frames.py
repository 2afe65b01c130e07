"""SPDY/3.1 frames as bytes: what kubelets and container runtimes speak on upgraded connections.

Only what streaming needs: streams with headers, data, half-close, reset, ping. Pure encoding; spdy.py does the I/O.
https://www.chromium.org/spdy/spdy-protocol/spdy-protocol-draft3-1/
"""

import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum

VERSION = 3
FLAG_FIN = 0x01
MAX_FRAME = 1 << 20  # bytes taken from a peer in one frame


class FrameType(IntEnum):
    DATA = 0  # not a control type on the wire
    SYN_STREAM = 1
    SYN_REPLY = 2
    RST_STREAM = 3
    SETTINGS = 4
    PING = 6
    GOAWAY = 7
    HEADERS = 8
    WINDOW_UPDATE = 9


class SpdyError(Exception):
    """The peer broke the protocol."""


def _words(*words: str) -> bytes:
    return b"".join(struct.pack(">I", len(data)) + data for data in map(str.encode, words))


# The header dictionary of the specification: words with their length, then plain text.
DICTIONARY = (
    _words("options", "head", "post", "put", "delete", "trace", "accept", "accept-charset", "accept-encoding")
    + _words("accept-language", "accept-ranges", "age", "allow", "authorization", "cache-control", "connection")
    + _words("content-base", "content-encoding", "content-language", "content-length", "content-location")
    + _words("content-md5", "content-range", "content-type", "date", "etag", "expect", "expires", "from", "host")
    + _words("if-match", "if-modified-since", "if-none-match", "if-range", "if-unmodified-since", "last-modified")
    + _words("location", "max-forwards", "pragma", "proxy-authenticate", "proxy-authorization", "range", "referer")
    + _words("retry-after", "server", "te", "trailer", "transfer-encoding", "upgrade", "user-agent", "vary", "via")
    + _words("warning", "www-authenticate", "method", "get", "status", "200 OK", "version", "HTTP/1.1", "url")
    + _words("public", "set-cookie", "keep-alive", "origin")
    + b"100101201202205206300302303304305306307402405406407408409410411412413414415416417502504505"
    + b"203 Non-Authoritative Information204 No Content301 Moved Permanently400 Bad Request401 Unauthorized"
    + b"403 Forbidden404 Not Found500 Internal Server Error501 Not Implemented503 Service Unavailable"
    + b"Jan Feb Mar Apr May Jun Jul Aug Sept Oct Nov Dec 00:00:00 Mon, Tue, Wed, Thu, Fri, Sat, Sun, GMT"
    + b"chunked,text/html,image/png,image/jpg,image/gif,application/xml,application/xhtml+xml,text/plain,"
    + b"text/javascript,publicprivatemax-age=gzip,deflate,sdchcharset=utf-8charset=iso-8859-1,utf-,*,enq=0."
)


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame. `value` is the status of RST_STREAM and GOAWAY and the id of PING."""

    type: FrameType
    stream_id: int = 0
    fin: bool = False
    headers: Mapping[str, str] = field(default_factory=dict)
    data: bytes = b""
    value: int = 0


class FrameWriter:
    """Encodes frames; headers share one compression context for the life of a connection."""

    def __init__(self) -> None:
        self._compress = zlib.compressobj(zlib.Z_BEST_COMPRESSION, zdict=DICTIONARY)

    def encode(self, frame: Frame) -> bytes:
        flags = FLAG_FIN if frame.fin else 0
        if frame.type is FrameType.DATA:
            return struct.pack(">II", frame.stream_id, (flags << 24) | len(frame.data)) + frame.data
        if frame.type is FrameType.SYN_STREAM:
            body = struct.pack(">IIH", frame.stream_id, 0, 0) + self._header_block(frame.headers)
        elif frame.type in (FrameType.SYN_REPLY, FrameType.HEADERS):
            body = struct.pack(">I", frame.stream_id) + self._header_block(frame.headers)
        elif frame.type is FrameType.PING:
            body = struct.pack(">I", frame.value)
        else:
            body = struct.pack(">II", frame.stream_id, frame.value)
        return struct.pack(">HHI", 0x8000 | VERSION, frame.type, (flags << 24) | len(body)) + body

    def _header_block(self, headers: Mapping[str, str]) -> bytes:
        block = struct.pack(">I", len(headers))
        for name, value in headers.items():
            block += _words(name.lower(), value)
        return self._compress.compress(block) + self._compress.flush(zlib.Z_SYNC_FLUSH)


class FrameReader:
    """Decodes frames. `head` says how many bytes follow; `decode` makes the frame of head and body."""

    HEAD = 8  # bytes

    def __init__(self) -> None:
        self._decompress = zlib.decompressobj(zdict=DICTIONARY)

    @staticmethod
    def length(head: bytes) -> int:
        """Bytes that follow an 8-byte head. Raises SpdyError when that is too many."""
        length = int.from_bytes(head[5:8], "big")
        if length > MAX_FRAME:
            raise SpdyError(f"a frame of {length} bytes")
        return length

    def decode(self, head: bytes, body: bytes) -> Frame | None:
        """The frame; None for control frames of types that mean nothing here. Raises SpdyError."""
        first, second = struct.unpack(">II", head)
        fin = bool((second >> 24) & FLAG_FIN)
        if not first & 0x80000000:
            return Frame(FrameType.DATA, first & 0x7FFFFFFF, fin, data=body)
        if (first >> 16) & 0x7FFF != VERSION:
            raise SpdyError("not SPDY version 3")
        try:
            kind = FrameType(first & 0xFFFF)
        except ValueError:
            return None
        if kind is FrameType.SETTINGS:
            return None
        try:
            return self._control(kind, body, fin)
        except (struct.error, zlib.error, UnicodeDecodeError, IndexError) as error:
            raise SpdyError(f"malformed {kind.name} frame: {error}") from error

    def _control(self, kind: FrameType, body: bytes, fin: bool) -> Frame:
        word = struct.unpack_from(">I", body)[0]
        if kind is FrameType.SYN_STREAM:
            return Frame(kind, word & 0x7FFFFFFF, fin, self._headers(body[10:]))
        if kind in (FrameType.SYN_REPLY, FrameType.HEADERS):
            return Frame(kind, word & 0x7FFFFFFF, fin, self._headers(body[4:]))
        if kind is FrameType.PING:
            return Frame(kind, value=word)
        return Frame(kind, word & 0x7FFFFFFF, value=struct.unpack_from(">I", body, 4)[0])

    def _headers(self, block: bytes) -> dict[str, str]:
        plain = self._decompress.decompress(block, MAX_FRAME)
        count, at = struct.unpack_from(">I", plain)[0], 4
        texts: list[str] = []
        for _ in range(2 * count):
            length = struct.unpack_from(">I", plain, at)[0]
            texts.append(plain[at + 4 : at + 4 + length].decode())
            at += 4 + length
        return dict(zip(texts[::2], texts[1::2], strict=True))
