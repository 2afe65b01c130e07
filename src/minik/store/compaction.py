"""When history is forgotten: five minutes after it happened, and only once there is enough of it to be worth a write.

An idle store has no timer: `wrote` starts one when the changes since the last compaction reach the threshold. It waits
a little for more of them, so that the whole of a burst is forgotten together and clients that page through lists see
their tokens expire as soon as upstream's do. What a compaction does is the engine's business.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from minik.store.store import CompactedError

log = logging.getLogger("minik.store")

KEEP = 300.0  # seconds of history kept; 0: all of it, as with kube-apiserver's --etcd-compaction-interval
WORTHWHILE = 300  # revisions; a node that idles makes that many in most of an hour
_GOING_ON = WORTHWHILE // 2  # of the same burst, after a compaction
_SETTLING = 1 / 15  # of `keep`, for a burst of writes to end


class Compactor:
    def __init__(self, compact: Callable[[int], Awaitable[None]], compacted: int, *, keep: float = KEEP) -> None:
        self._compact = compact
        self._compacted = compacted
        self._keep = keep
        self._revision = compacted
        self._due = asyncio.Event()

    def wrote(self, revision: int) -> None:
        self._revision = revision
        if self._keep and revision - self._compacted >= WORTHWHILE:
            self._due.set()

    async def run(self) -> None:
        """Until cancelled. History is kept for one to two times `keep` while writes go on."""
        while True:
            if not self._due.is_set():
                await self._due.wait()
                await asyncio.sleep(self._keep * _SETTLING)
            self._due.clear()
            target = self._revision
            await asyncio.sleep(self._keep)
            try:
                await self._compact(target)
            except CompactedError:
                log.debug("someone else compacted revision %d", target)
            except Exception:
                log.exception("cannot compact to revision %d, trying again with the next writes", target)
                continue
            self._compacted = target
            if self._revision - target < _GOING_ON:
                self._due.clear()
