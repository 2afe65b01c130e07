"""The one interface of the store: etcd's model, exactly.

A revision per transaction that writes, key -> (value, create_revision, mod_revision, version, lease), range reads at a
revision, transactions with compares, watches from a revision, leases, compaction.
Behaviour: https://etcd.io/docs/v3.5/learning/api/ . Keys and values are bytes; the store never looks into values.

    caller -> Store (mvcc.py: current values, key index, watchers in memory) -> engine (sqlite.py: history on disk)

Reads of the current state (`get`, `range` at revision 0) are answered from memory without waiting; nothing is visible
there before it is durable.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Protocol


class CompactedError(Exception):
    """The revision asked for has been compacted (etcd ErrCompacted). `compact_revision` is the oldest readable."""

    def __init__(self, compact_revision: int) -> None:
        super().__init__("mvcc: required revision has been compacted")
        self.compact_revision = compact_revision


class FutureRevisionError(Exception):
    """The revision asked for has not happened yet (etcd ErrFutureRev)."""

    def __init__(self, revision: int) -> None:
        super().__init__("mvcc: required revision is a future revision")
        self.revision = revision


class LeaseNotFoundError(Exception):
    """etcd ErrLeaseNotFound."""


class LeaseExistsError(Exception):
    """etcd ErrLeaseExists: lease_grant with an id that is taken."""


class KeyNotFoundError(Exception):
    """etcd ErrKeyNotFound: ignore_value or ignore_lease on a key that does not exist."""


class DuplicateKeyError(Exception):
    """One transaction puts the same key twice (etcd ErrDuplicateKey)."""


class SlowWatcherError(Exception):
    """The watcher did not keep up with its buffer and was cut off; watch again from the last revision seen."""


class KeyValue:
    """One key at one revision. Immutable but for `memo`, where the reader may keep what it made of the value.

    A superseded value soon loses it, unless the memo is `dear`: what cannot be made again without waiting.
    """

    __slots__ = ("create_revision", "key", "lease", "memo", "mod_revision", "value", "version")

    def __init__(
        self, key: bytes, value: bytes, create_revision: int, mod_revision: int, version: int, lease: int = 0
    ) -> None:
        self.key = key
        self.value = value
        self.create_revision = create_revision
        self.mod_revision = mod_revision
        self.version = version
        self.lease = lease
        self.memo: Any = None


class EventType(Enum):
    PUT = 0
    DELETE = 1


@dataclass(frozen=True, slots=True)
class Event:
    """A change. For DELETE, `kv` holds only the key and the revision of the deletion; `prev_kv` what was deleted."""

    type: EventType
    kv: KeyValue
    prev_kv: KeyValue | None

    @property
    def is_create(self) -> bool:
        return self.type is EventType.PUT and self.kv.version == 1


class Target(Enum):
    VERSION = 0
    CREATE = 1
    MOD = 2
    VALUE = 3
    LEASE = 4


@dataclass(frozen=True, slots=True)
class Compare:
    """`result` is one of "=", "!=", ">", "<"."""

    key: bytes
    target: Target
    result: str
    value: int | bytes
    range_end: bytes = b""


@dataclass(frozen=True, slots=True)
class Put:
    key: bytes
    value: bytes
    lease: int = 0
    ignore_value: bool = False
    ignore_lease: bool = False


@dataclass(frozen=True, slots=True)
class Delete:
    key: bytes
    range_end: bytes = b""


@dataclass(frozen=True, slots=True)
class Range:
    """`range_end` as in etcd: b"" = the one key, b"\\0" = every key from `key` on, else up to it, exclusive."""

    key: bytes
    range_end: bytes = b""
    revision: int = 0  # 0: now
    limit: int = 0
    keys_only: bool = False
    count_only: bool = False


@dataclass(frozen=True, slots=True)
class Txn:
    """If every compare holds, `success` runs, else `failure`; nested Txn are allowed as in etcd."""

    compare: Sequence[Compare] = ()
    success: Sequence["Put | Delete | Range | Txn"] = ()
    failure: Sequence["Put | Delete | Range | Txn"] = ()


@dataclass(frozen=True, slots=True)
class RangeResult:
    """`count` is the number of keys in the range whatever the limit; `revision` that of the store when it was read."""

    kvs: Sequence[KeyValue]
    count: int
    more: bool
    revision: int


@dataclass(frozen=True, slots=True)
class PutResult:
    kv: KeyValue
    prev_kv: KeyValue | None


@dataclass(frozen=True, slots=True)
class DeleteResult:
    prev_kvs: Sequence[KeyValue]


@dataclass(frozen=True, slots=True)
class TxnResult:
    succeeded: bool
    revision: int
    results: Sequence["PutResult | DeleteResult | RangeResult | TxnResult"]


@dataclass(frozen=True, slots=True)
class LeaseStatus:
    id: int
    granted_ttl: int  # seconds
    ttl: float  # seconds left
    keys: Sequence[bytes]


@dataclass(frozen=True, slots=True)
class StoreStatus:
    revision: int
    compact_revision: int
    size: int  # bytes on disk
    size_in_use: int
    keys: int


@dataclass(frozen=True, slots=True)
class Only:
    """What a watcher cares for among the changes of its range: those from or to values of one class.

    `classify` tells the class of a value (None: it cannot be told, so everybody hears of it); equal ones share an
    index, which makes a change cost one look-up however many watchers wait for other classes. It is a hint: a watcher
    may be told of more.
    """

    classify: Callable[[KeyValue], str | None]
    value: str


class Watch(Protocol):
    """A running watch: iterate for batches; a batch never splits a revision.

    Iterating raises CompactedError when the start was compacted and SlowWatcherError when this watcher lagged behind.
    """

    def __aiter__(self) -> AsyncIterator[Sequence[Event]]: ...
    async def __anext__(self) -> Sequence[Event]: ...
    @property
    def revision(self) -> int:
        """Every event up to this revision has been handed out."""
        ...

    @property
    def idle(self) -> bool:
        """Whether it has caught up with the present and nothing waits to be read."""
        ...

    def close(self) -> None: ...


class Store(Protocol):
    """What the API server, the etcd protocol server and tools use. Open it with `async with`."""

    @property
    def revision(self) -> int: ...
    @property
    def compact_revision(self) -> int: ...

    def get(self, key: bytes) -> KeyValue | None:
        """The current value, from memory."""
        ...

    def current(self, key: bytes, range_end: bytes, *, limit: int = 0) -> RangeResult:
        """A range of the current state, from memory, sorted by key."""
        ...

    async def range(self, request: Range) -> RangeResult:
        """Raises CompactedError, FutureRevisionError."""
        ...

    async def txn(self, request: Txn, *, soft: bool = False) -> TxnResult:
        """Returns once durable. `soft`: acknowledged at once, durable with the next commit or after a minute.

        A txn that writes nothing does not make a revision. Raises DuplicateKeyError, LeaseNotFoundError.
        """
        ...

    def watch(
        self,
        key: bytes,
        range_end: bytes = b"",
        *,
        start_revision: int = 0,
        buffer: int = 4096,
        only: Only | None = None,
    ) -> Watch:
        """Events from `start_revision` on, inclusive (0: from now). `buffer`: events kept for a slow reader."""
        ...

    async def lease_grant(self, ttl: int, lease_id: int = 0) -> int: ...
    async def lease_revoke(self, lease_id: int) -> None: ...
    async def lease_keep_alive(self, lease_id: int) -> int: ...
    def lease_status(self, lease_id: int) -> LeaseStatus: ...
    def leases(self) -> Sequence[int]: ...

    async def compact(self, revision: int) -> None:
        """Forget history before `revision`; values still current at it stay readable at it."""
        ...

    async def snapshot(self, path: str) -> None:
        """A consistent copy of the whole store in one file, mode 0600."""
        ...

    async def status(self) -> StoreStatus: ...


def prefix_end(prefix: bytes) -> bytes:
    """The range_end that makes `prefix` match every key starting with it (clientv3.GetPrefixRangeEnd)."""
    stripped = prefix.rstrip(b"\xff")
    return stripped[:-1] + bytes([stripped[-1] + 1]) if stripped else b"\0"
