"""Opens the embedded store: lock, engine, semantics, in this order, and closes them in reverse."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from minik.store.compaction import KEEP
from minik.store.engine import Stats
from minik.store.lock import DirectoryLock
from minik.store.mvcc import SOFT_DELAY, MvccStore


@asynccontextmanager
async def open_store(
    directory: Path, *, soft_delay: float = SOFT_DELAY, keep_history: float = KEEP
) -> AsyncIterator[MvccStore]:
    """The store kept in `directory`, made if it is not there. Raises StoreOpenError and its kinds.

    `soft_delay` and `keep_history` are seconds; with `keep_history` 0 only `compact` forgets anything. Whoever
    supervises the store also awaits its `wait()`.
    """
    from minik.store.sqlite import SqliteEngine  # SQLAlchemy: only for who opens a store

    lock = DirectoryLock(directory)
    try:
        stats = Stats()
        engine = SqliteEngine(directory, stats)
        try:
            store = MvccStore(engine, await engine.load(), stats, soft_delay=soft_delay, keep=keep_history)
            store.start()
            try:
                yield store
            finally:
                await store.close()
        finally:
            await engine.close()
    finally:
        lock.release()
