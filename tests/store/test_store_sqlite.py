"""The files: who may read them, what happens when they are damaged, taken, full, and how compaction frees them."""

import asyncio
import os
import sqlite3
import stat
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Select
from sqlalchemy.dialects import sqlite
from store_waiting import until

from minik.store import schema
from minik.store import sqlite as sqlite_module
from minik.store.compaction import Compactor
from minik.store.engine import (
    StoreClosedError,
    StoreCorruptError,
    StoreLockedError,
    StoreOpenError,
    StoreWriteError,
)
from minik.store.mvcc import MvccStore
from minik.store.open import open_store
from minik.store.snapshot import restore
from minik.store.sqlite import SqliteEngine
from minik.store.store import CompactedError, Compare, Delete, Put, Range, Target, Txn


async def put(store: MvccStore, key: bytes, value: bytes = b"", *, soft: bool = False) -> int:
    return (await store.txn(Txn(success=(Put(key, value),)), soft=soft)).revision


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


async def test_files_are_private(tmp_path: Path) -> None:
    async with open_store(tmp_path / "db") as store:
        await put(store, b"a")
        await store.snapshot(str(tmp_path / "snapshot"))
        assert {path.name for path in (tmp_path / "db").iterdir()} >= {"lock", "state.db", "state.db-wal"}
        assert {mode(path) for path in (tmp_path / "db").iterdir()} == {0o600}
    assert (mode(tmp_path / "db"), mode(tmp_path / "snapshot")) == (0o700, 0o600)


def garbage(path: Path) -> None:
    path.write_bytes(b"this is not a database, it is much too friendly for one" * 100)


def someone_elses(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE t (x)")


def newer(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 99")


def torn(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[4096:] = os.urandom(len(content) - 4096)
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (garbage, "not a database; restore a snapshot"),
        (someone_elses, "is not a minik store; move it away"),
        (newer, "has schema version 99, this minik knows 1; run the minik that wrote it"),
        (torn, "malformed; restore a snapshot"),
    ],
)
async def test_a_damaged_file_is_refused(tmp_path: Path, damage: Callable[[Path], None], message: str) -> None:
    if damage in (newer, torn):
        async with open_store(tmp_path) as store:
            await put(store, b"a", bytes(10_000))
    damage(tmp_path / "state.db")
    with pytest.raises(StoreCorruptError, match=message) as caught:
        async with open_store(tmp_path):
            pass
    assert "\n" not in str(caught.value)
    assert str(tmp_path / "state.db") in str(caught.value)


async def test_a_directory_that_cannot_be_used(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreOpenError, match="give minik a directory it owns"):
        async with open_store(tmp_path / "file"):
            pass
    (tmp_path / "db" / "state.db").mkdir(parents=True)
    with pytest.raises(StoreOpenError, match="check free space and permissions"):
        async with open_store(tmp_path / "db"):
            pass


HOLDER = """
import asyncio, pathlib, sys
from minik.store.open import open_store
async def main():
    async with open_store(pathlib.Path(sys.argv[1])):
        print("open", flush=True)
        await asyncio.sleep(60)
asyncio.run(main())
"""


async def test_a_second_process_is_refused(tmp_path: Path) -> None:
    holder = await asyncio.create_subprocess_exec(
        sys.executable, "-c", HOLDER, str(tmp_path), stdout=asyncio.subprocess.PIPE
    )
    assert holder.stdout is not None
    assert await asyncio.wait_for(holder.stdout.readline(), 10) == b"open\n"
    with pytest.raises(StoreLockedError, match=f"in use by process {holder.pid}") as caught:
        async with open_store(tmp_path):
            pass
    assert caught.value.pid == holder.pid
    holder.kill()
    await holder.wait()
    async with open_store(tmp_path):
        pass


async def test_the_lock_is_released(tmp_path: Path) -> None:
    async with open_store(tmp_path):
        with pytest.raises(StoreLockedError):
            async with open_store(tmp_path):
                pass
    async with open_store(tmp_path):
        pass


async def test_a_full_disk_fails_the_waiting_writes_and_nothing_else(tmp_path: Path) -> None:
    async with open_store(tmp_path) as store:
        await put(store, b"a", b"1", soft=True)
        await put(store, b"a", b"2", soft=True)
        watch = store.watch(b"", b"\0")
        lease = await store.lease_grant(60)
        revision = store.revision
        pages = await set_page_limit(store, 1)
        swap = Txn((Compare(b"b", Target.VERSION, "=", 0),), (Put(b"b", bytes(100_000)),), (Range(b"b"),))
        results = await asyncio.gather(
            store.txn(swap), store.txn(swap), put(store, b"c"), store.lease_revoke(lease), return_exceptions=True
        )
        assert [type(result) for result in results] == [StoreWriteError] * 4
        assert "full" in str(results[0])
        assert (store.revision, store.get(b"b"), store.get(b"c")) == (revision, None, None)
        assert store.get(b"a").value == b"2"  # type: ignore[union-attr]
        assert store.leases() == [lease]
        assert store.stats.failed_commits == 1
        await set_page_limit(store, pages)
        assert [result.succeeded for result in await asyncio.gather(store.txn(swap), store.txn(swap))] == [True, False]
        await store.lease_revoke(lease)
        assert [(event.kv.key, event.kv.mod_revision) for event in await anext(watch)] == [(b"b", revision + 1)]
    async with open_store(tmp_path) as store:
        assert (store.revision, store.get(b"a").value) == (revision + 1, b"2")  # type: ignore[union-attr]


async def set_page_limit(store: MvccStore, pages: int) -> int:
    engine = store._engine
    assert isinstance(engine, SqliteEngine)

    def work() -> int:
        assert engine._writer is not None
        limit = engine._writer.exec_driver_sql("PRAGMA max_page_count").scalar_one()
        engine._writer.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
        return int(limit)

    return await engine._in(engine._write_thread, work)


async def test_a_soft_write_survives_a_failed_commit(tmp_path: Path) -> None:
    async with open_store(tmp_path, soft_delay=0.05) as store:
        await put(store, b"a", b"1", soft=True)
        pages = await set_page_limit(store, 1)
        for number in range(100):
            assert await put(store, b"b%d" % number, bytes(2000), soft=True) == 3 + number
        await until(lambda: store.stats.failed_commits)
        await set_page_limit(store, pages)
        await store.flush()
    async with open_store(tmp_path) as store:
        assert store.current(b"b", b"c").count == 100


async def test_a_crashed_writer_ends_the_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with open_store(tmp_path) as store:
        monkeypatch.setattr(store._committer, "_finish", lambda staged: 1 / 0)
        with pytest.raises(StoreClosedError):
            await asyncio.wait_for(put(store, b"a"), 5)
        with pytest.raises(ZeroDivisionError):
            await asyncio.wait_for(store.wait(), 5)
        with pytest.raises(StoreClosedError):
            await put(store, b"a")


async def test_a_closed_store_takes_no_writes(tmp_path: Path) -> None:
    async with open_store(tmp_path) as store:
        pending = [asyncio.ensure_future(put(store, b"%d" % number)) for number in range(10)]
        await asyncio.sleep(0)
    assert [await write for write in pending] == list(range(2, 12))  # taken before: written
    with pytest.raises(StoreClosedError):
        await put(store, b"late")
    with pytest.raises(StoreClosedError):
        store.watch(b"a")


async def test_a_cancelled_caller_disturbs_nobody(tmp_path: Path) -> None:
    async with open_store(tmp_path) as store:
        impatient, patient = (asyncio.ensure_future(put(store, key)) for key in (b"a", b"b"))
        await asyncio.sleep(0)
        impatient.cancel()
        assert await patient == 3
        assert store.get(b"a") is not None


async def test_compaction_deletes_what_was_superseded_and_shrinks_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_module, "SWEEP_ROWS", 10)
    monkeypatch.setattr(sqlite_module, "VACUUM_PAGES", 16)
    async with open_store(tmp_path) as store:
        for number in range(300):
            await put(store, b"a%d" % (number % 7), bytes(8000))
        await store.txn(Txn(success=(Delete(b"a0"),)))
        await put(store, b"b", b"")
        before = await store.status()
        await store.compact(store.revision)
        after = await store.status()
        assert after.size < before.size / 4
        assert after.size_in_use <= after.size
        assert store.current(b"a", b"b").count == 6
    with closing(sqlite3.connect(tmp_path / "state.db")) as connection:
        assert connection.execute("SELECT count(*) FROM history").fetchone() == (7,)


async def test_history_is_compacted_by_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("minik.store.compaction.WORTHWHILE", 20)
    async with open_store(tmp_path, keep_history=0.05) as store:
        for number in range(10):
            await put(store, b"a", b"%d" % number)
        assert store.compact_revision == 0
        for number in range(10):
            await put(store, b"a", b"%d" % number)
        await until(lambda: store.stats.compactions)
        assert 20 <= store.compact_revision <= store.revision


async def test_history_is_kept_for_ever_if_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("minik.store.compaction.WORTHWHILE", 1)
    async with open_store(tmp_path, keep_history=0) as store:
        for number in range(10):
            await put(store, b"a", b"%d" % number)
        assert not store._compactor._due.is_set()
        await store.compact(5)
        assert store.compact_revision == 5


async def test_a_burst_is_forgotten_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("minik.store.compaction.WORTHWHILE", 20)
    forgotten: list[int] = []

    async def compact(revision: int) -> None:
        forgotten.append(revision)

    compactor = Compactor(compact, 0, keep=0.3)
    running = asyncio.create_task(compactor.run())
    compactor.wrote(20)
    compactor.wrote(25)
    asyncio.get_running_loop().call_later(0.1, compactor.wrote, 26)  # while it waits: not worth one more
    await until(lambda: forgotten)
    compactor.wrote(45)
    await until(lambda: len(forgotten) == 2)
    running.cancel()
    assert forgotten == [25, 45]


@pytest.mark.parametrize("statement", [schema.TAIL_KEY, schema.TAIL_RANGE, schema.SWEEP_SUPERSEDED])
async def test_history_is_read_without_scanning_it(tmp_path: Path, statement: Any) -> None:
    async with open_store(tmp_path) as store:
        engine = store._engine
        assert isinstance(engine, SqliteEngine)
        sql = str(statement.compile(dialect=sqlite.dialect()) if isinstance(statement, Select) else statement)

        def explain() -> str:
            rows = engine._read_connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", (1,) * sql.count("?"))
            return "\n".join(row.detail for row in rows)

        plan = await engine._in(engine._read_thread, explain)
    assert plan.count("USING INTEGER PRIMARY KEY") >= 2, plan
    assert "SCAN" not in plan, plan
    assert "AUTOMATIC" not in plan, plan


async def test_snapshot_and_restore(tmp_path: Path) -> None:
    snapshot = tmp_path / "snapshot"
    async with open_store(tmp_path / "db") as store:
        lease = await store.lease_grant(100)
        await store.txn(Txn(success=(Put(b"a", b"1", lease),)))
        seen = await put(store, b"a", b"2", soft=True)
        await store.snapshot(str(snapshot))
        await put(store, b"a", b"later")
        await put(store, b"b", b"later")
        last = store.revision
        await store.snapshot(str(tmp_path / "snapshot2"))
    await asyncio.to_thread(restore, snapshot, tmp_path / "new")
    async with open_store(tmp_path / "new") as store:
        assert (store.get(b"a").value, store.get(b"b")) == (b"2", None)  # type: ignore[union-attr]
        assert store.leases() == [lease]
        assert store.revision > last + 1000
        for revision in (last, last + 1000):  # seen before time went back
            with pytest.raises(CompactedError):
                await asyncio.wait_for(anext(store.watch(b"a", start_revision=revision + 1)), 5)
        assert (await store.range(Range(b"a", revision=seen))).kvs[0].value == b"2"


async def test_restore_refuses_what_it_should_not_touch(tmp_path: Path) -> None:
    async with open_store(tmp_path / "db") as store:
        await put(store, b"a")
        await store.snapshot(str(tmp_path / "snapshot"))
        with pytest.raises(StoreLockedError):
            restore(tmp_path / "snapshot", tmp_path / "db")
        with pytest.raises(StoreWriteError):
            await store.snapshot(str(tmp_path / "no" / "such" / "directory"))
    with pytest.raises(StoreOpenError, match="exists; move it away"):
        restore(tmp_path / "snapshot", tmp_path / "db")
    garbage(tmp_path / "bad")
    for source in ("bad", "missing"):
        with pytest.raises(StoreOpenError):
            restore(tmp_path / source, tmp_path / "new")
        assert not (tmp_path / "new" / "state.db").exists()
