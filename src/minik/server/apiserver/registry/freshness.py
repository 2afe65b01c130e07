"""Reads of a state that is still to come: a resourceVersion from the future is waited for, but not for long.

Upstream: the watch cache's waitUntilFresh, which gives up after three seconds with 504.
"""

import asyncio

from minik.api.status import StatusError
from minik.store.store import Store

PATIENCE = 3.0  # seconds
_EVERYTHING = b"\0"


async def wait_for(store: Store, revision: int) -> None:
    """Returns once the store is at `revision`. Raises StatusError 504."""
    if revision <= store.revision:
        return
    stream = store.watch(_EVERYTHING, _EVERYTHING, start_revision=revision)
    try:
        async with asyncio.timeout(PATIENCE):
            await anext(stream, None)
    except TimeoutError:
        raise too_large(revision, store.revision) from None
    finally:
        stream.close()


def too_large(revision: int, current: int) -> StatusError:
    """A resourceVersion that has not happened yet."""
    return StatusError(
        504,
        "Timeout",
        f"Timeout: Too large resource version: {revision}, current: {current}",
        causes=[{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}],
        retry_after=1,
    )
