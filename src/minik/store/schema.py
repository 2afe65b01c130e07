"""The tables of the SQLite engine and the statements it runs, built once with SQLAlchemy Core.

history  one row per change, clustered by revision; written at its end only, so a commit touches few pages.
         `prev` is the revision of the row this one superseded: it finds prev_kv, rolls a range back to an older
         revision, and tells compaction what to delete, so that no second index has to be kept on disk.
meta     compact_revision, swept (compaction has deleted up to here), reserved (see mvcc.py)
lost     revisions that may have been seen before a crash and are not in history
"""

from functools import cache

from sqlalchemy import BigInteger, Column, Integer, LargeBinary, MetaData, Table, Text, bindparam, insert, select
from sqlalchemy.dialects import sqlite

APPLICATION_ID = 0x6D696E6B  # "mink", in the file's header
VERSION = 1

SUB_BITS = 20  # history.id = revision << SUB_BITS | position in the transaction
SUB_LIMIT = 1 << SUB_BITS

metadata = MetaData()
history = Table(
    "history",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("key", LargeBinary, nullable=False),
    Column("create_revision", BigInteger, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("lease", BigInteger, nullable=False),
    Column("prev", BigInteger, nullable=False),  # 0: the key did not exist
    Column("value", LargeBinary),  # NULL: a deletion. Last, so that the rest is read without overflow pages.
)
meta = Table(
    "meta",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
lost = Table(
    "lost",
    metadata,
    Column("first", Integer, primary_key=True, autoincrement=False),
    Column("last", BigInteger, nullable=False),
)
leases = Table(
    "leases",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("ttl", BigInteger, nullable=False),
)

BEGIN, COMMIT, ROLLBACK = "BEGIN IMMEDIATE", "COMMIT", "ROLLBACK"
SET_META = "INSERT INTO meta (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value"
GRANT = "INSERT OR REPLACE INTO leases (id, ttl) VALUES (?, ?)"
REVOKE = "DELETE FROM leases WHERE id = ?"

EVERY_ROW = select(
    history.c.id, history.c.key, history.c.create_revision, history.c.version, history.c.lease, history.c.value
).order_by(history.c.id)

_prev = history.alias("prev")
_TAIL = (
    select(
        history.c.id,
        history.c.key,
        history.c.value,
        history.c.create_revision,
        history.c.version,
        history.c.lease,
        history.c.prev,
        _prev.c.value.label("prev_value"),
        _prev.c.create_revision.label("prev_create_revision"),
        _prev.c.version.label("prev_version"),
        _prev.c.lease.label("prev_lease"),
    )
    .select_from(
        history.outerjoin(
            _prev,
            (_prev.c.id >= history.c.prev * SUB_LIMIT)
            & (_prev.c.id < (history.c.prev + 1) * SUB_LIMIT)
            & (_prev.c.key == history.c.key),
        )
    )
    .where(history.c.id >= bindparam("first"), history.c.id < bindparam("last"))
    .order_by(history.c.id)
    .limit(bindparam("limit"))
)
TAIL_KEY = _TAIL.where(history.c.key == bindparam("key"))
TAIL_FROM = _TAIL.where(history.c.key >= bindparam("key"))
TAIL_RANGE = TAIL_FROM.where(history.c.key < bindparam("range_end"))

# Compaction of the rows between two ids: what they superseded goes, and deletions go themselves. One statement each,
# because every row fetched in Python would fight the event loop for the interpreter.
SWEEP_END = "SELECT id FROM history WHERE id > ? AND id < ? ORDER BY id LIMIT 1 OFFSET ?"
SWEEP_SUPERSEDED = f"""
DELETE FROM history WHERE id IN (
  SELECT old.id FROM history AS new CROSS JOIN history AS old
  WHERE new.id > ? AND new.id <= ? AND new.prev > 0
    AND old.id >= new.prev * {SUB_LIMIT} AND old.id < (new.prev + 1) * {SUB_LIMIT} AND old.key = new.key)
"""
SWEEP_DELETIONS = "DELETE FROM history WHERE id > ? AND id <= ? AND value IS NULL"
FORGET_LOST = "DELETE FROM lost WHERE last < ?"


@cache
def insert_rows(count: int) -> str:
    """One statement for `count` rows of history, columns in the table's order."""
    names = [column.name for column in history.columns]
    statement = insert(history).values([dict.fromkeys(names)] * count)
    return str(statement.compile(dialect=sqlite.dialect()))
