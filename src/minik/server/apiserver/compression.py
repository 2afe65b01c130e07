"""gzip in both directions: bodies that clients compress, and large answers to those that take them so."""

import asyncio
import zlib
from collections.abc import Mapping

from minik.api.request import Response
from minik.api.status import bad_request, too_large

GZIP_FROM = 128 * 1024  # bytes; smaller answers are not worth it (upstream's defaultGzipThresholdBytes)
_GZIP = 31  # zlib's window bits with a gzip header
_FAST = 1


def inflate(body: bytes, most: int) -> bytes:
    """Raises StatusError 400 and 413."""
    try:
        inflated = zlib.decompressobj(_GZIP).decompress(body, most + 1)
    except zlib.error:
        raise bad_request("gzip: invalid header") from None
    if len(inflated) > most:
        raise too_large(most)
    return inflated


def is_worth_it(body: bytes, headers: Mapping[str, str]) -> bool:
    """Whether an answer with this body is to be compressed for who sent these headers."""
    return len(body) > GZIP_FROM and "gzip" in headers.get("accept-encoding", "")


async def compress(response: Response) -> None:
    """An aggregated API server may have done it already."""
    if "Content-Encoding" in response.headers:
        return
    body = response.body

    def deflate() -> bytes:
        squeezer = zlib.compressobj(_FAST, wbits=_GZIP)
        return squeezer.compress(body) + squeezer.flush()

    response.body = await asyncio.to_thread(deflate)
    response.headers["Content-Encoding"] = "gzip"
    response.headers["Vary"] = "Accept-Encoding"
