"""Snapshots: a consistent copy of the store in one file of mode 0600, and the way back.

The copy is an ordinary store file. Restoring one takes time back, so revisions that clients have seen would be used
again; therefore `restore` skips far ahead and marks what is skipped as lost: whoever watched it is told to list again
(etcdutl snapshot restore --bump-revision --mark-compacted).
"""

import os
import shutil
import sqlite3
from contextlib import closing, suppress
from pathlib import Path

from minik.store.engine import StoreCorruptError, StoreOpenError
from minik.store.lock import DirectoryLock

FILE_NAME = "state.db"  # of the database inside the store's directory

REVISION_BUMP = 1_000_000_000


def copy_database(source: Path, target: Path) -> None:
    """Blocking. The file appears under its name only when it is complete and on disk."""
    partial = target.with_name(f"{target.name}.part")
    partial.unlink(missing_ok=True)
    os.close(os.open(partial, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600))
    try:
        with closing(sqlite3.connect(source, timeout=10, isolation_level=None)) as connection:
            connection.execute("VACUUM INTO ?", (str(partial),))
        _sync(partial)
        partial.replace(target)
        _sync(target.parent)
    finally:
        partial.unlink(missing_ok=True)


def restore(snapshot: Path, directory: Path, *, bump: int = REVISION_BUMP) -> None:
    """Make `directory` a store out of `snapshot`. Blocking; refuses a directory that has a store or is in use.

    Raises StoreOpenError, StoreLockedError, StoreCorruptError.
    """
    lock = DirectoryLock(directory)
    target, partial = directory / FILE_NAME, directory / f"{FILE_NAME}.part"
    try:
        if target.exists():
            raise StoreOpenError(f"{target} exists; move it away before restoring")
        os.close(os.open(partial, os.O_CREAT | os.O_TRUNC | os.O_WRONLY | os.O_CLOEXEC, 0o600))
        shutil.copyfile(snapshot, partial)
        _skip_revisions(partial, snapshot, bump)
        _sync(partial)
        partial.replace(target)
        _sync(directory)
    except OSError as error:
        raise StoreOpenError(f"cannot restore {snapshot} to {directory}: {error.strerror}") from error
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
        lock.release()


def _skip_revisions(path: Path, snapshot: Path, bump: int) -> None:
    from minik.store import schema

    try:
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            if connection.execute("PRAGMA application_id").fetchone()[0] != schema.APPLICATION_ID:
                raise StoreCorruptError(f"{snapshot} is not a minik snapshot")
            if connection.execute("PRAGMA quick_check(1)").fetchone()[0] != "ok":
                raise StoreCorruptError(f"{snapshot} is damaged; use another snapshot")
            last = connection.execute("SELECT max(id) FROM history").fetchone()[0] or 0
            seen = connection.execute("SELECT coalesce(max(value), 0) FROM meta WHERE name != 'swept'").fetchone()[0]
            gap = connection.execute("SELECT coalesce(max(last), 0) FROM lost").fetchone()[0]
            reserve = max(last >> schema.SUB_BITS, seen, gap) + bump
            connection.execute("PRAGMA journal_mode = DELETE")
            connection.execute(schema.SET_META, ("reserved", reserve))
    except sqlite3.Error as error:
        raise StoreCorruptError(f"cannot read snapshot {snapshot}: {error}; use another snapshot") from error


def _sync(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
