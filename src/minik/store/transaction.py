"""What a transaction does to the state it meets: compares, puts, deletes, ranges, nested transactions. Pure.

The state is the index (visible) with the staged changes of earlier transactions on top (chosen, not yet durable).
Rules: etcd's server/etcdserver/txn (3.5): all compares, nested ones too, look at the state before the transaction;
operations see the ones before them.
"""

import operator
from collections.abc import Callable, Container, Mapping, Sequence
from typing import Any

from minik.store.index import KeyIndex, contains
from minik.store.store import (
    Compare,
    Delete,
    DeleteResult,
    DuplicateKeyError,
    Event,
    EventType,
    KeyNotFoundError,
    KeyValue,
    LeaseNotFoundError,
    Put,
    PutResult,
    Range,
    RangeResult,
    Target,
    Txn,
    TxnResult,
)

Operation = Put | Delete | Range | Txn
Result = PutResult | DeleteResult | RangeResult | TxnResult

_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    ">": operator.gt,
    "<": operator.lt,
}
_FIELDS: dict[Target, Callable[[KeyValue], int | bytes]] = {
    Target.VERSION: operator.attrgetter("version"),
    Target.CREATE: operator.attrgetter("create_revision"),
    Target.MOD: operator.attrgetter("mod_revision"),
    Target.VALUE: operator.attrgetter("value"),
    Target.LEASE: operator.attrgetter("lease"),
}
_PUT, _DELETE = EventType.PUT, EventType.DELETE


class Evaluation:
    """One transaction on its way. `revision` is the one it gets if it writes; `events` are its changes.

    In `staged` and `own` a KeyValue of version 0 is a deletion. `past` answers ranges at older revisions, by identity
    of the request. A raised error leaves nothing behind.
    """

    __slots__ = ("_index", "_leases", "_past", "_staged", "events", "own", "revision")

    def __init__(
        self,
        index: KeyIndex,
        staged: Mapping[bytes, KeyValue],
        revision: int,
        leases: Container[int],
        past: Mapping[int, RangeResult] | None = None,
    ) -> None:
        self._index = index
        self._staged = staged
        self._leases = leases
        self._past = past
        self.revision = revision
        self.own: dict[bytes, KeyValue] = {}
        self.events: list[Event] = []

    def run(self, txn: Txn) -> TxnResult:
        path = self._choose(txn)
        results = self._execute(path[1])
        return TxnResult(path[0], self._revision_now(), results)

    def _choose(self, txn: Txn) -> tuple[bool, list[Any]]:
        """Every compare answered before anything is written: (succeeded, operations), nested ones as such pairs."""
        succeeded = True
        for compare in txn.compare:
            if not self._holds(compare):
                succeeded = False
                break
        chosen = txn.success if succeeded else txn.failure
        return succeeded, [self._choose(each) if type(each) is Txn else each for each in chosen]

    def _execute(self, operations: Sequence[Any]) -> list[Result]:
        results: list[Result] = []
        for each in operations:
            kind = type(each)
            if kind is Put:
                results.append(self._put(each))
            elif kind is Range:
                results.append(self._range(each))
            elif kind is Delete:
                results.append(self._delete(each))
            else:
                nested = self._execute(each[1])
                results.append(TxnResult(each[0], self._revision_now(), nested))
        return results

    def _revision_now(self) -> int:
        return self.revision if self.events else self.revision - 1

    def _holds(self, compare: Compare) -> bool:
        holds, field = _OPERATORS[compare.result], _FIELDS[compare.target]
        if compare.range_end:
            kvs = self._span(compare.key, compare.range_end)
        else:
            kv = self._find(compare.key)
            kvs = [] if kv is None else [kv]
        if not kvs:
            return compare.target is not Target.VALUE and holds(0, compare.value)
        return all(holds(field(kv), compare.value) for kv in kvs)

    def _find(self, key: bytes) -> KeyValue | None:
        kv = self.own.get(key)
        if kv is None:
            kv = self._staged.get(key)
            if kv is None:
                return self._index.get(key)
        return kv if kv.version else None

    def _span(self, key: bytes, range_end: bytes) -> list[KeyValue]:
        kvs = self._index.range(key, range_end)
        changed: dict[bytes, KeyValue] = {}
        for layer in (self._staged, self.own):
            changed.update((found, kv) for found, kv in layer.items() if contains(found, key, range_end))
        if not changed:
            return kvs
        merged = {kv.key: kv for kv in kvs} | changed
        return [merged[found] for found in sorted(merged) if merged[found].version]

    def _put(self, put: Put) -> PutResult:
        key, value, lease = put.key, put.value, put.lease
        prev = self._find(key)
        if put.ignore_value or put.ignore_lease:
            if prev is None:
                raise KeyNotFoundError(key)
            value = prev.value if put.ignore_value else value
            lease = prev.lease if put.ignore_lease else lease
        if lease and lease not in self._leases:
            raise LeaseNotFoundError(lease)
        if prev is None:
            kv = KeyValue(key, value, self.revision, self.revision, 1, lease)
        else:
            kv = KeyValue(key, value, prev.create_revision, self.revision, prev.version + 1, lease)
        self.own[key] = kv
        self.events.append(Event(_PUT, kv, prev))
        return PutResult(kv, prev)

    def _delete(self, delete: Delete) -> DeleteResult:
        if delete.range_end:
            gone = self._span(delete.key, delete.range_end)
        else:
            prev = self._find(delete.key)
            gone = [] if prev is None else [prev]
        for prev in gone:
            tombstone = KeyValue(prev.key, b"", 0, self.revision, 0)
            self.own[prev.key] = tombstone
            self.events.append(Event(_DELETE, tombstone, prev))
        return DeleteResult(gone)

    def delete_leased(self, keys: Sequence[bytes], lease: int) -> None:
        """Delete those of `keys` that hang on `lease` once everything staged has happened."""
        for key in keys:
            kv = self._find(key)
            if kv is not None and kv.lease == lease:
                self._delete(Delete(key))

    def _range(self, request: Range) -> RangeResult:
        if request.revision > 0 and self._past is not None and id(request) in self._past:
            return self._past[id(request)]
        return trim(self._span(request.key, request.range_end), request, self._revision_now())


def trim(kvs: Sequence[KeyValue], request: Range, revision: int, count: int | None = None) -> RangeResult:
    """The answer to `request` out of the keys found. `count`: how many there are, when `kvs` is only the beginning."""
    count = len(kvs) if count is None else count
    if request.count_only:
        return RangeResult((), count, False, revision)
    if request.limit:
        kvs = kvs[: request.limit]
    if request.keys_only:
        kvs = [KeyValue(kv.key, b"", kv.create_revision, kv.mod_revision, kv.version, kv.lease) for kv in kvs]
    return RangeResult(kvs, count, count > len(kvs), revision)


def check(txn: Txn) -> None:
    """Raises DuplicateKeyError when one path of the transaction changes a key twice (etcd's checkIntervals)."""
    for branch in (txn.success, txn.failure):
        if len(branch) > 1 or (branch and type(branch[0]) is Txn):
            _check_branch(branch)


def _check_branch(operations: Sequence[Operation]) -> tuple[set[bytes], list[Delete]]:
    deletes = [each for each in operations if isinstance(each, Delete)]
    puts: set[bytes] = set()
    for each in operations:
        if not isinstance(each, Txn):
            continue
        success, success_deletes = _check_branch(each.success)
        failure, failure_deletes = _check_branch(each.failure)
        for key in success | failure:  # the two exclude each other, so the same key in both is fine
            _add(key, puts, deletes)
        deletes += success_deletes + failure_deletes
    for each in operations:
        if isinstance(each, Put):
            _add(each.key, puts, deletes)
    return puts, deletes


def _add(key: bytes, puts: set[bytes], deletes: Sequence[Delete]) -> None:
    if key in puts or any(contains(key, delete.key, delete.range_end) for delete in deletes):
        raise DuplicateKeyError(key)
    puts.add(key)


def past_ranges(operations: Sequence[Operation]) -> list[Range]:
    """Every Range at a given revision in any branch below; the caller reads them from history beforehand."""
    found: list[Range] = []
    for each in operations:
        if isinstance(each, Range) and each.revision > 0:
            found.append(each)
        elif isinstance(each, Txn):
            found += past_ranges(each.success) + past_ranges(each.failure)
    return found
