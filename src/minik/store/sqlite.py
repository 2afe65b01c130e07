"""The embedded engine: one SQLite file in WAL mode, synchronous=FULL (an fsync per commit).

One thread owns the writing connection and does a whole batch per hop; a second one reads history, so that a long read
does not hold up commits. Rows go in by multi-row statements: sqlite3 lets go of the interpreter lock for every
statement, and getting it back from a busy event loop is what would cost.
"""

import asyncio
import os
import sqlite3
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, create_engine, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from minik.store import schema
from minik.store.engine import Batch, Loaded, Stats, StoreCorruptError, StoreOpenError, StoreReadError, StoreWriteError
from minik.store.index import EVERYTHING
from minik.store.snapshot import FILE_NAME, copy_database
from minik.store.store import Event, EventType, KeyValue

PAGE_SIZE = 1024  # a commit writes whole pages; small ones halve what an idle cluster writes
CACHE_KIB = 2000  # page cache of the writing connection
WAL_PAGES = 4000  # checkpoint after this many: about 4 MB
SWEEP_ROWS = 1000  # history rows compaction looks at in one transaction
VACUUM_PAGES = 1024  # free pages given back to the file system at once
INSERT_SIZES = (64, 16, 4, 1)

T = TypeVar("T")
Row = tuple[int, bytes, int, int, int, int, bytes | None]


class SqliteEngine:
    """`open` it, then see engine.Engine."""

    def __init__(self, directory: Path, stats: Stats) -> None:
        self._path = directory / FILE_NAME
        self._stats = stats
        self._write_thread = ThreadPoolExecutor(1, "store-write")
        self._read_thread = ThreadPoolExecutor(1, "store-read")
        self._writer: Connection | None = None
        self._reader: Connection | None = None

    async def load(self) -> Loaded:
        return await self._in(self._write_thread, self._load)

    async def append(self, batch: Batch) -> None:
        await self._in(self._write_thread, self._append, batch)

    async def tail(self, key: bytes, range_end: bytes, after: int, upto: int, limit: int) -> tuple[list[Event], int]:
        return await self._in(self._read_thread, self._tail, key, range_end, after, upto, limit)

    async def compact(self, revision: int) -> None:
        await self._in(self._write_thread, self._compact, revision)

    async def sweep(self) -> None:
        while await self._in(self._write_thread, self._sweep):
            pass
        while await self._in(self._write_thread, self._vacuum):
            pass

    async def snapshot(self, path: str) -> None:
        try:
            await asyncio.to_thread(copy_database, self._path, Path(path))
        except (OSError, sqlite3.Error) as error:
            raise StoreWriteError(f"cannot write snapshot {path}: {error}") from error

    async def size(self) -> tuple[int, int]:
        return await self._in(self._read_thread, self._size)

    async def close(self) -> None:
        await self._in(self._read_thread, self._close_reader)
        await self._in(self._write_thread, self._close_writer)
        self._read_thread.shutdown()
        self._write_thread.shutdown()

    async def _in(self, thread: ThreadPoolExecutor, function: Callable[..., T], *args: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(thread, function, *args)

    # In the write thread.

    def _load(self) -> Loaded:
        try:
            self._writer = self._open()
            return _load(self._writer)
        except (DBAPIError, sqlite3.Error) as error:
            raise _open_error(self._path, error) from error

    def _open(self) -> Connection:
        created = _create_file(self._path)
        connection = _connect(self._path, CACHE_KIB)
        if created:
            connection.exec_driver_sql(f"PRAGMA page_size = {PAGE_SIZE}")
            connection.exec_driver_sql("PRAGMA auto_vacuum = INCREMENTAL")
        else:
            _check_identity(connection, self._path)
        connection.exec_driver_sql("PRAGMA journal_mode = WAL")
        connection.exec_driver_sql("PRAGMA synchronous = FULL")
        connection.exec_driver_sql(f"PRAGMA wal_autocheckpoint = {WAL_PAGES}")
        if created:
            connection.exec_driver_sql(schema.BEGIN)
            schema.metadata.create_all(connection)
            connection.exec_driver_sql(f"PRAGMA application_id = {schema.APPLICATION_ID}")
            connection.exec_driver_sql(f"PRAGMA user_version = {schema.VERSION}")
            connection.exec_driver_sql(schema.COMMIT)
        return connection

    def _append(self, batch: Batch) -> None:
        started = time.perf_counter()
        rows = _rows(batch)

        def work(connection: Connection) -> None:
            _insert(connection, rows)
            for lease in batch.granted:
                connection.exec_driver_sql(schema.GRANT, lease)
            for revoked in batch.revoked:
                connection.exec_driver_sql(schema.REVOKE, (revoked,))
            if batch.reserve is not None:
                connection.exec_driver_sql(schema.SET_META, ("reserved", batch.reserve))

        self._transaction(work)
        seconds = time.perf_counter() - started
        stats = self._stats
        stats.commits += 1
        stats.commit_seconds += seconds
        stats.last_commit_seconds = seconds

    def _transaction(self, work: Callable[[Connection], T]) -> T:
        connection = self._writer
        if connection is None:
            raise StoreWriteError(f"{self._path} is not open")
        try:
            connection.exec_driver_sql(schema.BEGIN)
            result = work(connection)
            started = time.perf_counter()
            connection.exec_driver_sql(schema.COMMIT)
            self._stats.fsync_seconds += time.perf_counter() - started
            return result
        except BaseException as error:
            _roll_back(connection)
            if isinstance(error, (DBAPIError, sqlite3.Error)):
                reason = getattr(error, "orig", None) or error
                raise StoreWriteError(f"cannot write {self._path}: {reason}") from error
            raise

    def _compact(self, revision: int) -> None:
        def work(connection: Connection) -> None:
            connection.exec_driver_sql(schema.SET_META, ("compact_revision", revision))
            connection.exec_driver_sql(schema.FORGET_LOST, (revision,))

        self._transaction(work)

    def _sweep(self) -> bool:
        """Delete what a piece of history superseded; False when the compacted revision is reached."""

        def work(connection: Connection) -> bool:
            meta = _meta(connection)
            begin, end = meta.get("swept", 0), (meta["compact_revision"] << schema.SUB_BITS) - 1
            if begin >= end:
                return False
            found = connection.exec_driver_sql(schema.SWEEP_END, (begin, end, SWEEP_ROWS)).scalar()
            upto = end if found is None else found
            connection.exec_driver_sql(schema.SWEEP_SUPERSEDED, (begin, upto))
            connection.exec_driver_sql(schema.SWEEP_DELETIONS, (begin, upto))
            connection.exec_driver_sql(schema.SET_META, ("swept", upto))
            return found is not None

        return self._transaction(work)

    def _vacuum(self) -> bool:
        """Give pages back once a quarter of the file is free; False when there is nothing left to do."""
        connection = self._writer
        if connection is None:
            return False
        free, pages = _pragma(connection, "freelist_count"), _pragma(connection, "page_count")
        if free < VACUUM_PAGES or free * 4 < pages:
            return False
        with closing(_driver(connection).execute(f"PRAGMA incremental_vacuum({VACUUM_PAGES})")) as cursor:
            cursor.fetchall()  # it frees one page a row
        return True

    def _close_writer(self) -> None:
        if self._writer is not None:
            _close(self._writer)
            self._writer = None

    # In the read thread.

    def _read_connection(self) -> Connection:
        if self._reader is None:
            self._reader = _connect(self._path, CACHE_KIB // 4)
        return self._reader

    def _tail(self, key: bytes, range_end: bytes, after: int, upto: int, limit: int) -> tuple[list[Event], int]:
        first, last = (after + 1) << schema.SUB_BITS, (upto + 1) << schema.SUB_BITS
        rows = self._tail_rows(key, range_end, first, last, limit)
        if len(rows) < limit:
            return [_event(row) for row in rows], upto
        cut = rows[-1].id >> schema.SUB_BITS  # this revision may go on behind the limit
        whole = [row for row in rows if row.id >> schema.SUB_BITS < cut]
        if whole:
            return [_event(row) for row in whole], cut - 1
        rows = self._tail_rows(key, range_end, first, (cut + 1) << schema.SUB_BITS, -1)
        return [_event(row) for row in rows], cut

    def _tail_rows(self, key: bytes, range_end: bytes, first: int, last: int, limit: int) -> Sequence[Any]:
        parameters = {"key": key, "first": first, "last": last, "limit": limit}
        statement = schema.TAIL_FROM
        if not range_end:
            statement = schema.TAIL_KEY
        elif range_end != EVERYTHING:
            statement = schema.TAIL_RANGE
            parameters["range_end"] = range_end
        try:
            return self._read_connection().execute(statement, parameters).all()
        except DBAPIError as error:
            raise StoreReadError(f"cannot read {self._path}: {error.orig}") from error

    def _size(self) -> tuple[int, int]:
        connection = self._read_connection()
        names = ("page_count", "freelist_count", "page_size")
        pages, free, page = (_pragma(connection, name) for name in names)
        return pages * page, (pages - free) * page

    def _close_reader(self) -> None:
        if self._reader is not None:
            _close(self._reader)
            self._reader = None


def _connect(path: Path, cache_kib: int) -> Connection:
    def connect() -> sqlite3.Connection:
        return sqlite3.connect(path, timeout=10, isolation_level=None, check_same_thread=False)

    connection = create_engine("sqlite://", creator=connect, poolclass=NullPool, isolation_level="AUTOCOMMIT").connect()
    connection.exec_driver_sql(f"PRAGMA cache_size = -{cache_kib}")
    connection.exec_driver_sql("PRAGMA mmap_size = 0")
    connection.exec_driver_sql("PRAGMA automatic_index = OFF")  # else joins on `prev` index all of history first
    connection.exec_driver_sql("PRAGMA temp_store = MEMORY")
    return connection


def _close(connection: Connection) -> None:
    connection.close()
    connection.engine.dispose()


def _pragma(connection: Connection, name: str) -> int:
    return int(connection.exec_driver_sql(f"PRAGMA {name}").scalar_one())


def _create_file(path: Path) -> bool:
    """Make an empty file of mode 0600 if there is none; SQLite gives the WAL the mode of the database."""
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600))
    except FileExistsError:
        path.chmod(0o600)
        return path.stat().st_size == 0
    except OSError as error:
        raise StoreOpenError(f"cannot create {path}: {error.strerror}; give minik a directory it owns") from error
    directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
    return True


def _check_identity(connection: Connection, path: Path) -> None:
    application, version = _pragma(connection, "application_id"), _pragma(connection, "user_version")
    if application != schema.APPLICATION_ID:
        raise StoreCorruptError(f"{path} is not a minik store; move it away or give another data directory")
    if version != schema.VERSION:
        raise StoreCorruptError(
            f"{path} has schema version {version}, this minik knows {schema.VERSION}; run the minik that wrote it"
        )


def _open_error(path: Path, error: Exception) -> StoreOpenError:
    reason = getattr(error, "orig", None) or error
    if isinstance(reason, sqlite3.OperationalError):  # the environment's fault, not the file's
        return StoreOpenError(f"cannot open {path}: {reason}; check free space and permissions of {path.parent}")
    return StoreCorruptError(f"cannot read {path}: {reason}; restore a snapshot or move the file away")


def _load(connection: Connection) -> Loaded:
    """Read the history once, oldest first, keeping the newest of every key; then account for a crash (see mvcc.py)."""
    meta = _meta(connection)
    kvs: dict[bytes, KeyValue] = {}
    last_id = 0
    for last_id, key, create_revision, version, lease, value in connection.execute(schema.EVERY_ROW):
        if value is None:
            kvs.pop(key, None)
        else:
            kvs[key] = KeyValue(key, value, create_revision, last_id >> schema.SUB_BITS, version, lease)
    lost = [(first, last) for first, last in connection.execute(select(schema.lost).order_by(schema.lost.c.first))]
    compacted = meta.get("compact_revision", 0)
    revision = max(1, last_id >> schema.SUB_BITS, compacted, *(last + 1 for _, last in lost))
    reserved = meta.get("reserved", 0)
    if reserved > revision:
        lost.append((revision + 1, reserved))
        connection.exec_driver_sql(schema.BEGIN)
        connection.exec_driver_sql("INSERT INTO lost (first, last) VALUES (?, ?)", (revision + 1, reserved))
        connection.exec_driver_sql(schema.SET_META, ("reserved", 0))
        connection.exec_driver_sql(schema.COMMIT)
        revision = reserved + 1
    leases = {lease: ttl for lease, ttl in connection.execute(select(schema.leases))}
    return Loaded(revision, compacted, list(kvs.values()), leases, lost)


def _meta(connection: Connection) -> dict[str, int]:
    return {name: value for name, value in connection.execute(select(schema.meta))}


def _rows(batch: Batch) -> list[Row]:
    rows: list[Row] = []
    for revision, events in batch.transactions:
        if len(events) > schema.SUB_LIMIT:
            raise StoreWriteError(f"a transaction may change {schema.SUB_LIMIT} keys, not {len(events)}")
        at = revision << schema.SUB_BITS
        for event in events:
            kv, prev = event.kv, event.prev_kv
            value = None if event.type is EventType.DELETE else kv.value
            prev_revision = 0 if prev is None else prev.mod_revision
            rows.append((at, kv.key, kv.create_revision, kv.version, kv.lease, prev_revision, value))
            at += 1
    return rows


def _insert(connection: Connection, rows: Sequence[Row]) -> None:
    at = 0
    for size in INSERT_SIZES:
        while len(rows) - at >= size:
            parameters = tuple(value for row in rows[at : at + size] for value in row)
            connection.exec_driver_sql(schema.insert_rows(size), parameters)
            at += size


def _roll_back(connection: Connection) -> None:
    """After a failure: SQLite has often rolled back by itself already."""
    if _driver(connection).in_transaction:
        connection.exec_driver_sql(schema.ROLLBACK)


def _driver(connection: Connection) -> sqlite3.Connection:
    driver = connection.connection.driver_connection
    assert isinstance(driver, sqlite3.Connection)
    return driver


def _event(row: Any) -> Event:
    revision = row.id >> schema.SUB_BITS
    prev = None
    if row.prev_value is not None:
        prev = KeyValue(row.key, row.prev_value, row.prev_create_revision, row.prev, row.prev_version, row.prev_lease)
    if row.value is None:
        return Event(EventType.DELETE, KeyValue(row.key, b"", 0, revision, 0), prev)
    kv = KeyValue(row.key, row.value, row.create_revision, revision, row.version, row.lease)
    return Event(EventType.PUT, kv, prev)
