"""A store that shows values decrypted and keeps them encrypted: everything above it sees plain objects.

What a value decrypts to is kept on the store's own KeyValue (`memo`), so that it is done once.
"""

from collections.abc import AsyncIterator, Sequence

from minik.server.apiserver.encryption.decrypted import Decrypted
from minik.server.apiserver.encryption.places import Places
from minik.server.apiserver.encryption.transformer import Transformer
from minik.store.store import (
    Delete,
    DeleteResult,
    Event,
    EventType,
    KeyValue,
    LeaseStatus,
    Only,
    Put,
    PutResult,
    Range,
    RangeResult,
    Store,
    StoreStatus,
    Txn,
    TxnResult,
    Watch,
)


class EncryptingStore:
    """store.Store over another one. Values of resources that are not configured pass as they are."""

    def __init__(self, store: Store, places: Places) -> None:
        self._store = store
        self._transformer = places.transformer

    # -- reading

    def _plain(self, kv: KeyValue) -> KeyValue:
        transformer = self._transformer(kv.key)
        if transformer is not None:
            return _decrypted(kv, transformer)
        if isinstance(kv.memo, Decrypted):
            kv.memo = None  # was encrypted under an earlier configuration
        return kv

    def get(self, key: bytes) -> KeyValue | None:
        kv = self._store.get(key)
        return None if kv is None else self._plain(kv)

    def current(self, key: bytes, range_end: bytes, *, limit: int = 0) -> RangeResult:
        return self._plain_range(self._store.current(key, range_end, limit=limit))

    async def range(self, request: Range) -> RangeResult:
        return self._plain_range(await self._store.range(request))

    def _plain_range(self, result: RangeResult) -> RangeResult:
        kvs = result.kvs
        if not kvs or (self._transformer(kvs[0].key) is None and self._transformer(kvs[-1].key) is None):
            return result
        return RangeResult([self._plain(kv) for kv in kvs], result.count, result.more, result.revision)

    def watch(
        self,
        key: bytes,
        range_end: bytes = b"",
        *,
        start_revision: int = 0,
        buffer: int = 4096,
        only: Only | None = None,
    ) -> Watch:
        if self._transformer(key) is None:
            return self._store.watch(key, range_end, start_revision=start_revision, buffer=buffer, only=only)
        inner = self._store.watch(key, range_end, start_revision=start_revision, buffer=buffer)
        return _DecryptingWatch(inner, self)

    def plain_event(self, event: Event) -> Event:
        before = None if event.prev_kv is None else self._plain(event.prev_kv)
        kv = self._plain(event.kv) if event.type is EventType.PUT else event.kv
        return Event(event.type, kv, before)

    # -- writing

    async def txn(self, request: Txn, *, soft: bool = False) -> TxnResult:
        result = await self._store.txn(self._encrypted(request), soft=soft)
        return self._plain_result(result)

    def _encrypted(self, txn: Txn) -> Txn:
        success = [self._operation(each) for each in txn.success]
        return Txn(txn.compare, success, [self._operation(each) for each in txn.failure])

    def _operation(self, operation: Put | Delete | Range | Txn) -> Put | Delete | Range | Txn:
        if isinstance(operation, Txn):
            return self._encrypted(operation)
        if not isinstance(operation, Put) or operation.ignore_value:
            return operation
        transformer = self._transformer(operation.key)
        if transformer is None:
            return operation
        value = transformer.to_storage(operation.value, operation.key)
        return Put(operation.key, value, operation.lease, operation.ignore_value, operation.ignore_lease)

    def _plain_result(self, result: TxnResult) -> TxnResult:
        return TxnResult(result.succeeded, result.revision, [self._plain_one(each) for each in result.results])

    def _plain_one(
        self, result: PutResult | DeleteResult | RangeResult | TxnResult
    ) -> PutResult | DeleteResult | RangeResult | TxnResult:
        match result:
            case PutResult(kv, before):
                return PutResult(self._plain(kv), None if before is None else self._plain(before))
            case DeleteResult(before):
                return DeleteResult([self._plain(kv) for kv in before])
            case RangeResult():
                return self._plain_range(result)
            case TxnResult():
                return self._plain_result(result)

    # -- what needs no translation

    @property
    def revision(self) -> int:
        return self._store.revision

    @property
    def compact_revision(self) -> int:
        return self._store.compact_revision

    async def lease_grant(self, ttl: int, lease_id: int = 0) -> int:
        return await self._store.lease_grant(ttl, lease_id)

    async def lease_revoke(self, lease_id: int) -> None:
        await self._store.lease_revoke(lease_id)

    async def lease_keep_alive(self, lease_id: int) -> int:
        return await self._store.lease_keep_alive(lease_id)

    def lease_status(self, lease_id: int) -> LeaseStatus:
        return self._store.lease_status(lease_id)

    def leases(self) -> Sequence[int]:
        return self._store.leases()

    async def compact(self, revision: int) -> None:
        await self._store.compact(revision)

    async def snapshot(self, path: str) -> None:
        await self._store.snapshot(path)

    async def status(self) -> StoreStatus:
        return await self._store.status()


class _DecryptingWatch:
    """A watch whose events are decrypted as they are handed out."""

    def __init__(self, inner: Watch, store: EncryptingStore) -> None:
        self._inner = inner
        self._store = store

    def __aiter__(self) -> AsyncIterator[Sequence[Event]]:
        return self

    async def __anext__(self) -> Sequence[Event]:
        return [self._store.plain_event(event) for event in await self._inner.__anext__()]

    @property
    def revision(self) -> int:
        return self._inner.revision

    @property
    def idle(self) -> bool:
        return self._inner.idle

    def close(self) -> None:
        self._inner.close()


def _decrypted(kv: KeyValue, transformer: Transformer) -> Decrypted:
    """Made once for each value and configuration. Raises DecryptionError."""
    plain = kv.memo
    epoch = transformer.epoch
    if not isinstance(plain, Decrypted) or plain.by != epoch:
        plain = kv.memo = Decrypted(kv, *transformer.from_storage(kv.value, kv.key), epoch)
    return plain
