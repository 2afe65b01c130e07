"""Transactions, ranges and revisions: the rules of etcd's KV API, on the embedded store."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from minik.store.mvcc import MvccStore
from minik.store.open import open_store
from minik.store.store import (
    CompactedError,
    Compare,
    Delete,
    DuplicateKeyError,
    FutureRevisionError,
    KeyNotFoundError,
    KeyValue,
    LeaseNotFoundError,
    Put,
    Range,
    Target,
    Txn,
    prefix_end,
)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[MvccStore]:
    async with open_store(tmp_path / "db") as opened:
        yield opened


async def put(store: MvccStore, key: bytes, value: bytes = b"", lease: int = 0) -> int:
    return (await store.txn(Txn(success=(Put(key, value, lease),)))).revision


def fields(kv: KeyValue | None) -> tuple[bytes, int, int, int]:
    assert kv is not None
    return kv.value, kv.create_revision, kv.mod_revision, kv.version


async def test_every_put_makes_a_revision_and_counts_the_keys_versions(store: MvccStore) -> None:
    assert store.revision == 1
    assert [await put(store, b"a", b"1"), await put(store, b"b"), await put(store, b"a", b"2")] == [2, 3, 4]
    assert fields(store.get(b"a")) == (b"2", 2, 4, 2)


async def test_a_deleted_key_starts_over(store: MvccStore) -> None:
    await put(store, b"a", b"1")
    await store.txn(Txn(success=(Delete(b"a"),)))
    assert store.get(b"a") is None
    await put(store, b"a", b"2")
    assert fields(store.get(b"a")) == (b"2", 4, 4, 1)


async def test_what_writes_nothing_makes_no_revision(store: MvccStore) -> None:
    result = await store.txn(Txn(success=(Delete(b"nothing"), Range(b"nothing"))))
    assert (result.revision, store.revision) == (1, 1)
    assert result.results[0].prev_kvs == []  # type: ignore[union-attr]


async def test_one_transaction_is_one_revision_and_sees_its_own_writes(store: MvccStore) -> None:
    await put(store, b"old")
    result = await store.txn(Txn(success=(Put(b"a", b"1"), Put(b"b", b"2"), Delete(b"old"), Range(b"a", b"z"))))
    assert result.revision == 3
    seen = result.results[3].kvs  # type: ignore[union-attr]
    assert [(kv.key, kv.mod_revision) for kv in seen] == [(b"a", 3), (b"b", 3)]
    assert result.results[2].prev_kvs[0].key == b"old"  # type: ignore[union-attr]


EXISTING = KeyValue(b"k", b"value", 2, 3, 2, 0)


@pytest.mark.parametrize(
    ("compare", "holds"),
    [
        (Compare(b"k", Target.VERSION, "=", 2), True),
        (Compare(b"k", Target.VERSION, ">", 2), False),
        (Compare(b"k", Target.CREATE, "=", 2), True),
        (Compare(b"k", Target.CREATE, "!=", 2), False),
        (Compare(b"k", Target.MOD, "=", 3), True),
        (Compare(b"k", Target.MOD, "<", 4), True),
        (Compare(b"k", Target.VALUE, "=", b"value"), True),
        (Compare(b"k", Target.VALUE, ">", b"valu"), True),
        (Compare(b"k", Target.LEASE, "=", 0), True),
        # a key that does not exist counts as zeros, and has no value to compare
        (Compare(b"no", Target.MOD, "=", 0), True),
        (Compare(b"no", Target.VERSION, "<", 1), True),
        (Compare(b"no", Target.VALUE, "=", b""), False),
        (Compare(b"no", Target.VALUE, "!=", b"x"), False),
        # a range: every key in it
        (Compare(b"k", Target.VERSION, ">", 0, range_end=b"m"), True),
        (Compare(b"k", Target.VERSION, "=", 2, range_end=b"m"), False),
        (Compare(b"n", Target.VERSION, "=", 0, range_end=b"o"), True),
    ],
)
async def test_compare(store: MvccStore, compare: Compare, holds: bool) -> None:
    for key, value in ((b"k", b"first"), (b"k", b"value"), (b"l", b"value")):
        await put(store, key, value)
    result = await store.txn(Txn((compare,), (Put(b"yes", b""),), (Put(b"no-", b""),)))
    assert result.succeeded is holds
    assert (store.get(b"yes") is not None, store.get(b"no-") is not None) == (holds, not holds)


async def test_nested_transactions_compare_with_the_state_before_the_transaction(store: MvccStore) -> None:
    inner = Txn((Compare(b"a", Target.VERSION, "=", 0),), (Put(b"b", b"then"),), (Put(b"b", b"else"),))
    result = await store.txn(Txn(success=(Put(b"a", b"1"), inner)))
    assert result.results[1].succeeded  # type: ignore[union-attr]
    assert fields(store.get(b"b")) == (b"then", 2, 2, 1)


A, B = Put(b"a", b""), Put(b"b", b"")


@pytest.mark.parametrize(
    ("operations", "allowed"),
    [
        ((A, B), True),
        ((A, A), False),
        ((A, Delete(b"a")), False),
        ((Delete(b"a", b"b"), A), False),
        ((Delete(b"a", b"b"), B), True),
        ((Delete(b"a", b"z"), Delete(b"a")), True),
        ((A, Txn(success=(B,))), True),
        ((A, Txn(success=(A,))), False),
        ((Delete(b"a", b"\0"), Txn(failure=(B,))), False),
        ((Txn(success=(A,), failure=(A,)),), True),
        ((Txn(success=(A,)), Txn(failure=(A,))), False),
    ],
)
async def test_a_key_is_put_at_most_once(store: MvccStore, operations: tuple[Put, ...], allowed: bool) -> None:
    if allowed:
        await store.txn(Txn(success=operations))
        return
    with pytest.raises(DuplicateKeyError):
        await store.txn(Txn(success=operations))
    assert store.revision == 1


async def test_ignore_value_and_ignore_lease_keep_what_is_there(store: MvccStore) -> None:
    lease = await store.lease_grant(60)
    await put(store, b"a", b"1", lease)
    await store.txn(Txn(success=(Put(b"a", b"", ignore_value=True),)))
    assert (store.get(b"a").value, store.get(b"a").lease) == (b"1", 0)  # type: ignore[union-attr]
    await put(store, b"a", b"1", lease)
    await store.txn(Txn(success=(Put(b"a", b"2", ignore_lease=True),)))
    assert (store.get(b"a").value, store.get(b"a").lease) == (b"2", lease)  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("operation", "error"),
    [
        (Put(b"no", b"", ignore_value=True), KeyNotFoundError),
        (Put(b"no", b"", ignore_lease=True), KeyNotFoundError),
        (Put(b"no", b"", lease=42), LeaseNotFoundError),
    ],
)
async def test_a_transaction_that_fails_leaves_nothing_behind(
    store: MvccStore, operation: Put, error: type[Exception]
) -> None:
    with pytest.raises(error):
        await store.txn(Txn(success=(Put(b"a", b""), operation)))
    assert store.get(b"a") is None
    assert await put(store, b"b") == 2


async def test_transactions_of_one_commit_see_each_other_in_order(store: MvccStore) -> None:
    """Of many compare-and-swaps on the same version exactly one wins, though all are in the same batch."""
    swap = Txn((Compare(b"a", Target.MOD, "=", 0),), (Put(b"a", b"won"),), (Range(b"a"),))
    results = await asyncio.gather(*(store.txn(swap) for _ in range(20)))
    assert [result.succeeded for result in results] == [True] + [False] * 19
    assert all(result.results[0].kvs[0].value == b"won" for result in results[1:])  # type: ignore[union-attr]
    assert store.stats.commits == 1


async def test_nothing_is_visible_before_it_is_durable(store: MvccStore) -> None:
    watch = store.watch(b"a")
    task = asyncio.ensure_future(put(store, b"a", b"1"))
    await asyncio.sleep(0)  # staged now
    assert (store.get(b"a"), store.revision, store.current(b"a", b"b").count) == (None, 1, 0)
    await task
    assert store.get(b"a") is not None
    assert [event.kv.key for event in await anext(watch)] == [b"a"]


@pytest.mark.parametrize(
    ("key", "range_end", "keys"),
    [
        (b"b", b"", [b"b"]),
        (b"b", b"d", [b"b", b"c"]),
        (b"b", b"\0", [b"b", b"c", b"d"]),
        (b"\0", b"\0", [b"a", b"b", b"c", b"d"]),
        (b"c", b"b", []),
        (b"x", b"", []),
    ],
)
async def test_range_ends(store: MvccStore, key: bytes, range_end: bytes, keys: list[bytes]) -> None:
    for each in (b"d", b"a", b"c", b"b"):
        await put(store, each)
    now = await store.range(Range(key, range_end))
    await store.txn(Txn(success=(Delete(b"a", b"\0"),)))
    then = await store.range(Range(key, range_end, revision=5))
    assert [[kv.key for kv in found.kvs] for found in (now, then)] == [keys, keys]


async def test_limit_counts_everything_and_says_there_is_more(store: MvccStore) -> None:
    for number in range(5):
        await put(store, b"%d" % number)
    revision = store.revision
    await store.txn(Txn(success=(Delete(b"1"), Put(b"9", b""))))
    for found in (
        await store.range(Range(b"0", b"\0", limit=2)),
        await store.range(Range(b"0", b"\0", limit=2, revision=revision)),
        store.current(b"0", b"\0", limit=2),
    ):
        assert (len(found.kvs), found.count, found.more, found.revision) == (2, 5, True, revision + 1)
    at_revision = await store.range(Range(b"0", b"\0", limit=2, revision=revision))
    assert [kv.key for kv in at_revision.kvs] == [b"0", b"1"]


async def test_keys_only_and_count_only(store: MvccStore) -> None:
    await put(store, b"a", b"value")
    keys = (await store.range(Range(b"a", b"b", keys_only=True))).kvs
    assert [(kv.key, kv.value, kv.mod_revision) for kv in keys] == [(b"a", b"", 2)]
    counted = await store.range(Range(b"a", b"b", count_only=True))
    assert (counted.kvs, counted.count) == ((), 1)


async def test_range_at_an_older_revision(store: MvccStore) -> None:
    await put(store, b"a", b"1")
    await put(store, b"b", b"1")
    await put(store, b"a", b"2")
    await store.txn(Txn(success=(Delete(b"b"),)))
    states = {
        revision: {kv.key: kv.value for kv in (await store.range(Range(b"a", b"z", revision=revision))).kvs}
        for revision in range(1, 6)
    }
    assert states == {
        1: {},
        2: {b"a": b"1"},
        3: {b"a": b"1", b"b": b"1"},
        4: {b"a": b"2", b"b": b"1"},
        5: {b"a": b"2"},
    }
    with pytest.raises(FutureRevisionError):
        await store.range(Range(b"a", revision=6))


async def test_a_transaction_may_read_the_past(store: MvccStore) -> None:
    await put(store, b"a", b"1")
    result = await store.txn(Txn(success=(Put(b"a", b"2"), Range(b"a", revision=2), Range(b"a"))))
    assert [each.kvs[0].value for each in result.results[1:]] == [b"1", b"2"]  # type: ignore[union-attr]


async def test_compaction_forgets_the_past_but_not_what_is_current_at_it(store: MvccStore) -> None:
    await put(store, b"a", b"1")
    await put(store, b"b", b"1")
    await put(store, b"a", b"2")
    await put(store, b"a", b"3")
    await store.compact(4)
    assert store.compact_revision == 4
    found = await store.range(Range(b"a", b"z", revision=4))
    assert [(kv.key, kv.value) for kv in found.kvs] == [(b"a", b"2"), (b"b", b"1")]
    with pytest.raises(CompactedError) as caught:
        await store.range(Range(b"a", revision=3))
    assert caught.value.compact_revision == 4
    with pytest.raises(CompactedError):
        await store.compact(4)
    with pytest.raises(FutureRevisionError):
        await store.compact(6)


async def test_reopened_store_is_the_same(tmp_path: Path) -> None:
    async with open_store(tmp_path) as store:
        lease = await store.lease_grant(60)
        await put(store, b"a", b"1", lease)
        await put(store, b"a", b"2", lease)
        await put(store, b"b", b"1")
        await store.txn(Txn(success=(Delete(b"b"),)))
        await store.compact(3)
    async with open_store(tmp_path) as store:
        assert (store.revision, store.compact_revision) == (5, 3)
        assert fields(store.get(b"a")) == (b"2", 2, 3, 2)
        assert store.get(b"b") is None
        assert store.lease_status(lease).keys == [b"a"]
        assert await put(store, b"c") == 6


@pytest.mark.parametrize(("prefix", "end"), [(b"/a/", b"/a0"), (b"a\xff", b"b"), (b"\xff\xff", b"\0"), (b"", b"\0")])
def test_prefix_end(prefix: bytes, end: bytes) -> None:
    assert prefix_end(prefix) == end
