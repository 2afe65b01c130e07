"""What mvcc.py asks of the disk below it, and the errors a disk gives.

An engine keeps the history of changes and nothing else: current values, compares, watches and leases are decided above
it. Flow of a write: mvcc.py stages transactions -> `append` makes a whole batch durable -> mvcc.py publishes them.
Revisions are chosen above, so that a batch is one round trip.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from minik.store.store import Event, KeyValue


class StoreOpenError(Exception):
    """The store cannot be used; the message is one line that says why and what to do."""


class StoreCorruptError(StoreOpenError):
    """The files are damaged, not minik's, or of a version this minik does not know."""


class StoreLockedError(StoreOpenError):
    """Another process uses the data directory. `pid` is its process id, 0 when it could not be read."""

    def __init__(self, message: str, pid: int) -> None:
        super().__init__(message)
        self.pid = pid


class StoreWriteError(Exception):
    """The disk refused a commit (full, I/O error). None of the waiting writes happened; the store stays readable."""


class StoreReadError(Exception):
    """The disk could not be read."""


class StoreClosedError(Exception):
    """The store is closed or closing."""


@dataclass(slots=True)
class Stats:
    """Counters since the start, for metrics. Seconds are wall time in the engine."""

    commits: int = 0
    commit_seconds: float = 0.0  # fsync included
    fsync_seconds: float = 0.0  # from COMMIT to durable
    last_commit_seconds: float = 0.0
    transactions: int = 0  # made durable
    largest_batch: int = 0
    failed_commits: int = 0
    soft_writes: int = 0  # acknowledged before they were durable
    watch_events: int = 0  # handed to watchers
    slow_watchers: int = 0
    compactions: int = 0


@dataclass(slots=True)
class Batch:
    """What one commit makes durable, all or nothing."""

    transactions: Sequence[tuple[int, Sequence[Event]]] = ()  # (revision, its changes), revisions rising
    granted: Sequence[tuple[int, int]] = ()  # (lease, ttl)
    revoked: Sequence[int] = ()
    reserve: int | None = None  # revisions up to this one may be handed out before they are durable; 0: none


@dataclass(slots=True)
class Loaded:
    """Everything a store needs to know when it starts."""

    revision: int
    compact_revision: int
    kvs: Sequence[KeyValue]
    leases: dict[int, int] = field(default_factory=dict)  # lease -> ttl
    lost: Sequence[
        tuple[int, int]
    ] = ()  # first and last of revisions that may have been seen and never reached the disk


class Engine(Protocol):
    """A durable, ordered history of changes."""

    async def load(self) -> Loaded:
        """The current state. Raises StoreOpenError."""
        ...

    async def append(self, batch: Batch) -> None:
        """Returns once durable. Raises StoreWriteError, and then nothing of the batch is kept."""
        ...

    async def tail(
        self, key: bytes, range_end: bytes, after: int, upto: int, limit: int
    ) -> tuple[Sequence[Event], int]:
        """Changes in the range with `after` < revision <= `upto`, oldest first, never half a revision.

        Returns about `limit` of them and the revision up to which the answer is complete.
        """
        ...

    async def compact(self, revision: int) -> None:
        """Remember durably that history before `revision` is not to be read again. Raises StoreWriteError."""
        ...

    async def sweep(self) -> None:
        """Delete what compaction made unreadable, in pieces that let commits through. May be interrupted."""
        ...

    async def snapshot(self, path: str) -> None:
        """A consistent copy in one file of mode 0600. Raises StoreWriteError."""
        ...

    async def size(self) -> tuple[int, int]:
        """Bytes on disk, and how many of them are in use."""
        ...

    async def close(self) -> None: ...
