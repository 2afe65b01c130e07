"""Soft writes: visible at once, on disk later, and a revision never means two things even after a crash.

A crash is played here by copying the files of a running store; tests/store/test_store_crash.py kills processes.
"""

import asyncio
import shutil
from pathlib import Path

import pytest
from store_waiting import until

from minik.store.commit import RESERVE
from minik.store.mvcc import MvccStore
from minik.store.open import open_store
from minik.store.store import CompactedError, Delete, Put, Range, Txn


async def put(store: MvccStore, key: bytes, value: bytes, *, soft: bool = False) -> int:
    return (await store.txn(Txn(success=(Put(key, value),)), soft=soft)).revision


def crash(directory: Path, copy: Path) -> Path:
    """What a power cut would leave."""
    shutil.copytree(directory, copy)
    return copy


async def test_soft_writes_are_visible_at_once_and_go_with_the_next_commit(tmp_path: Path) -> None:
    async with open_store(tmp_path / "db") as store:
        await put(store, b"first", b"", soft=True)  # reserves revisions, so it waits for a commit
        watch = store.watch(b"a", b"c")
        commits = store.stats.commits
        assert [await put(store, b"a", b"%d" % number, soft=True) for number in range(3)] == [3, 4, 5]
        assert store.stats.commits == commits
        assert store.get(b"a").value == b"2"  # type: ignore[union-attr]
        assert [event.kv.value for event in await anext(watch)] == [b"0", b"1", b"2"]
        lost = crash(tmp_path / "db", tmp_path / "lost")
        await put(store, b"b", b"")
        assert store.stats.commits == commits + 1
        kept = crash(tmp_path / "db", tmp_path / "kept")
    async with open_store(lost) as store:
        assert store.get(b"a") is None
    async with open_store(kept) as store:
        assert (store.get(b"a").value, store.get(b"a").version) == (b"2", 3)  # type: ignore[union-attr]


async def test_soft_writes_go_to_disk_after_a_while(tmp_path: Path) -> None:
    async with open_store(tmp_path / "db", soft_delay=0.05) as store:
        await put(store, b"a", b"1", soft=True)
        await put(store, b"a", b"2", soft=True)
        commits = store.stats.commits
        await until(lambda: store.stats.commits > commits)
        copy = crash(tmp_path / "db", tmp_path / "copy")
    async with open_store(copy) as store:
        assert store.get(b"a").value == b"2"  # type: ignore[union-attr]


async def test_a_clean_close_keeps_soft_writes_and_gives_reserved_revisions_back(tmp_path: Path) -> None:
    async with open_store(tmp_path) as store:
        await put(store, b"a", b"1", soft=True)
        assert await put(store, b"a", b"2", soft=True) == 3
    async with open_store(tmp_path) as store:
        assert (store.revision, store.get(b"a").value) == (3, b"2")  # type: ignore[union-attr]
        assert await put(store, b"b", b"") == 4


async def test_a_soft_write_does_not_overtake_a_waiting_one(tmp_path: Path) -> None:
    async with open_store(tmp_path) as store:
        await put(store, b"a", b"0", soft=True)
        watch = store.watch(b"", b"\0")
        hard = asyncio.ensure_future(put(store, b"hard", b""))
        await asyncio.sleep(0)
        assert await put(store, b"soft", b"", soft=True) == 4
        assert hard.done()
        assert [event.kv.key for event in await anext(watch)] == [b"hard", b"soft"]


async def test_the_past_includes_soft_writes_not_on_disk_yet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("minik.store.watch.RECENT_EVENTS", 0)
    async with open_store(tmp_path) as store:
        await put(store, b"a", b"0", soft=True)
        for number in range(1, 4):
            await put(store, b"a", b"%d" % number, soft=True)
        at = [(await store.range(Range(b"a", revision=revision))).kvs for revision in (2, 3, 4, 5)]
        assert [kvs[0].value for kvs in at] == [b"0", b"1", b"2", b"3"]
        watch, seen = store.watch(b"a", start_revision=2), 0
        while seen < 4:
            seen += len(await anext(watch))
        await store.compact(4)
        assert [kv.value for kv in (await store.range(Range(b"a", revision=4))).kvs] == [b"2"]


async def test_after_a_crash_lost_revisions_are_never_used_again(tmp_path: Path) -> None:
    async with open_store(tmp_path / "db") as store:
        durable = await put(store, b"a", b"durable", soft=True)
        seen = await put(store, b"a", b"soft", soft=True)
        copy = crash(tmp_path / "db", tmp_path / "copy")
    for _ in range(2):  # the second time it was closed cleanly
        async with open_store(copy) as store:
            assert store.get(b"a").value == b"durable"  # type: ignore[union-attr]
            assert store.revision > durable + RESERVE
            with pytest.raises(CompactedError):  # has seen what was lost
                await asyncio.wait_for(anext(store.watch(b"a", start_revision=seen + 1)), 5)
            with pytest.raises(CompactedError):
                await store.range(Range(b"a", revision=seen))
            assert (await store.range(Range(b"a", revision=durable))).count == 1
            revision = store.revision
    async with open_store(copy) as store:
        watch = store.watch(b"a", start_revision=durable + 1)  # has seen only what was durable
        assert await put(store, b"a", b"new") == revision + 1
        assert [event.kv.mod_revision for event in await anext(watch)] == [revision + 1]
        await store.compact(store.revision)
        assert not store._lost
    async with open_store(copy) as store:
        assert store.revision == revision + 1


async def test_a_revision_stays_used_when_compaction_removes_what_was_written_at_it(tmp_path: Path) -> None:
    async with open_store(tmp_path / "db") as store:
        await put(store, b"a", b"", soft=True)
        await store.txn(Txn(success=(Delete(b"a"),)))
        copy = crash(tmp_path / "db", tmp_path / "copy")
    async with open_store(copy) as store:
        revision = store.revision
        await store.compact(revision)
    async with open_store(copy) as store:
        assert (store.revision, store.compact_revision) == (revision, revision)
