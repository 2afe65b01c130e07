"""Leases: granted, kept alive, expired, revoked, and what becomes of the keys."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from minik.store.mvcc import MvccStore
from minik.store.open import open_store
from minik.store.store import Delete, LeaseExistsError, LeaseNotFoundError, Put, Txn


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[MvccStore]:
    async with open_store(tmp_path) as opened:
        yield opened


async def put(store: MvccStore, key: bytes, lease: int = 0) -> None:
    await store.txn(Txn(success=(Put(key, b"", lease),)))


async def test_revoking_deletes_the_keys_in_one_revision(store: MvccStore) -> None:
    lease = await store.lease_grant(60)
    for key in (b"a", b"b", b"moved", b"freed"):
        await put(store, key, lease)
    await put(store, b"moved", await store.lease_grant(60, 7))
    await put(store, b"freed")
    assert store.lease_status(lease).keys == [b"a", b"b"]
    watch = store.watch(b"", b"\0")
    revision = store.revision
    await store.lease_revoke(lease)
    events = await anext(watch)
    assert [(event.kv.key, event.kv.mod_revision) for event in events] == [(b"a", revision + 1), (b"b", revision + 1)]
    assert store.leases() == [7]
    assert store.lease_status(7).keys == [b"moved"]


async def test_an_unknown_lease(store: MvccStore) -> None:
    with pytest.raises(LeaseNotFoundError):
        await store.lease_revoke(1)
    with pytest.raises(LeaseNotFoundError):
        await store.lease_keep_alive(1)
    with pytest.raises(LeaseNotFoundError):
        store.lease_status(1)
    with pytest.raises(LeaseNotFoundError):
        await put(store, b"a", 1)


async def test_a_lease_is_granted_once(store: MvccStore) -> None:
    results = await asyncio.gather(*(store.lease_grant(60, 5) for _ in range(3)), return_exceptions=True)
    assert [type(result) for result in results] == [int, LeaseExistsError, LeaseExistsError]
    with pytest.raises(LeaseExistsError):
        await store.lease_grant(60, 5)
    with pytest.raises(ValueError, match="at most"):
        await store.lease_grant(9_000_000_001)


async def test_a_put_of_the_same_commit_does_not_outlive_the_lease(store: MvccStore) -> None:
    lease = await store.lease_grant(60)
    await asyncio.gather(put(store, b"a", lease), store.lease_revoke(lease))
    assert store.get(b"a") is None
    results = await asyncio.gather(put(store, b"b"), put(store, b"c", lease), return_exceptions=True)
    assert isinstance(results[1], LeaseNotFoundError)


async def test_expiry_and_keep_alive(store: MvccStore) -> None:
    started = time.monotonic()
    expiring = await store.lease_grant(1)
    kept = await store.lease_grant(1)
    long = await store.lease_grant(1000)
    for key, lease in ((b"expiring", expiring), (b"kept", kept), (b"long", long)):
        await put(store, key, lease)
    watch = store.watch(b"", b"\0")
    await asyncio.sleep(0.6)  # part of what is tested: a keep-alive in the middle of the TTL
    assert await store.lease_keep_alive(kept) == 1
    async with asyncio.timeout(5):
        assert [event.kv.key for event in await anext(watch)] == [b"expiring"]
        assert time.monotonic() - started >= 1
        assert [event.kv.key for event in await anext(watch)] == [b"kept"]
    assert time.monotonic() - started >= 1.6
    assert store.leases() == [long]
    assert 990 < store.lease_status(long).ttl <= 1000


async def test_leases_survive_a_restart_and_start_over(tmp_path: Path) -> None:
    async with open_store(tmp_path) as store:
        lease = await store.lease_grant(1)
        gone = await store.lease_grant(100)
        await put(store, b"a", lease)
        await store.lease_revoke(gone)
    async with open_store(tmp_path) as store:
        assert store.leases() == [lease]
        status = store.lease_status(lease)
        assert (status.granted_ttl, status.keys) == (1, [b"a"])
        async with asyncio.timeout(5):
            await asyncio.wait_for(anext(store.watch(b"a")), 5)
        assert store.get(b"a") is None


async def test_deleting_a_key_takes_it_off_its_lease(store: MvccStore) -> None:
    lease = await store.lease_grant(60)
    await put(store, b"a", lease)
    await store.txn(Txn(success=(Delete(b"a"),)))
    assert store.lease_status(lease).keys == []
