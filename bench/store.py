"""Speed of the store alone: python bench/store.py [directory]. Prints one row per measurement and never fails.

The directory decides which disk is measured (default: a new one under the current directory).
"""

import asyncio
import os
import sys
import tempfile
import time
from pathlib import Path

import uvloop

from minik.store.mvcc import MvccStore
from minik.store.open import open_store
from minik.store.store import Compare, Put, Range, Target, Txn, Watch, prefix_end

SECONDS = 2.0
VALUE = b"x" * 1000


def fsync_milliseconds(directory: Path, rounds: int = 200) -> float:
    """What one fsync of 4 KB overwritten in place costs here, the floor of a commit."""
    path = directory / "fsync-probe"
    fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    os.pwrite(fd, bytes(4096 * rounds), 0)
    os.fsync(fd)
    started = time.perf_counter()
    for block in range(rounds):
        os.pwrite(fd, VALUE, 4096 * block)
        os.fdatasync(fd)
    spent = time.perf_counter() - started
    os.close(fd)
    path.unlink()
    return spent * 1000 / rounds


async def creates(store: MvccStore, writers: int) -> str:
    """Every writer creates keys one after the other, as the API server does: compare, put, else read."""
    until = time.perf_counter() + SECONDS
    written = 0
    before = (store.stats.commits, store.stats.fsync_seconds)

    async def write(writer: int) -> None:
        nonlocal written
        at = 0
        while time.perf_counter() < until:
            key = b"/registry/configmaps/default/bench-%d-%d-%d" % (writers, writer, at)
            missing = Compare(key, Target.MOD, "=", 0)
            await store.txn(Txn((missing,), (Put(key, VALUE),), (Range(key),)))
            at += 1
            written += 1

    async with asyncio.TaskGroup() as group:
        for writer in range(writers):
            group.create_task(write(writer))
    commits = store.stats.commits - before[0]
    fsync = (store.stats.fsync_seconds - before[1]) / max(commits, 1)
    return (
        f"{written / SECONDS:8.0f} puts/s   {written / max(commits, 1):6.1f} per commit   fsync {fsync * 1000:.2f} ms"
    )


async def evaluate_only(store: MvccStore, rounds: int = 20_000) -> str:
    """Python spent on one create besides the disk: soft writes, whose commit comes later."""
    started = time.perf_counter()
    for at in range(rounds):
        key = b"/registry/leases/default/soft-%d" % (at % 5000)
        await store.txn(Txn((), (Put(key, VALUE),)), soft=True)
        if at % 5000 == 4999:
            await store.flush()
    return f"{(time.perf_counter() - started) / rounds * 1e6:8.1f} us each, flushes included"


async def fan_out(store: MvccStore, watchers: int, changes: int = 200) -> str:
    """One prefix, many watchers: events delivered to `async for` loops a second."""
    prefix = b"/registry/pods/"
    watches = [store.watch(prefix, prefix_end(prefix)) for _ in range(watchers)]

    async def read(watch: Watch) -> None:
        seen = 0
        while seen < changes:
            seen += len(await anext(watch))

    started = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for watch in watches:
            group.create_task(read(watch))
        for at in range(changes):
            await store.txn(Txn((), (Put(prefix + b"default/%d" % at, VALUE),)))
    spent = time.perf_counter() - started
    for watch in watches:
        watch.close()
    return f"{watchers * changes / spent:8.0f} events/s"


async def unrelated(store: MvccStore, watchers: int) -> str:
    """Watchers of other keys must cost a write nothing."""
    watches = [
        store.watch(b"/registry/secrets/ns-%d/" % at, b"/registry/secrets/ns-%d0" % at) for at in range(watchers)
    ]
    row = await creates(store, 20)
    for watch in watches:
        watch.close()
    return row


async def main(directory: Path) -> None:
    print(f"fdatasync of 4 KB here         {fsync_milliseconds(directory):8.3f} ms")
    async with open_store(directory / "store") as store:
        for writers in (1, 20, 100):
            print(f"create, {writers:4d} writers          {await creates(store, writers)}")
        print(f"create, 20 writers, 1000 watchers of others {await unrelated(store, 1000)}")
        print(f"soft put                     {await evaluate_only(store)}")
        for watchers in (100, 1000):
            print(f"fan-out, {watchers:4d} watchers        {await fan_out(store, watchers)}")
        status = await store.status()
        keys = status.keys
    started = time.perf_counter()
    async with open_store(directory / "store"):
        print(f"open with {keys} keys           {(time.perf_counter() - started) * 1000:8.0f} ms")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(dir=sys.argv[1] if len(sys.argv) > 1 else ".") as chosen:
        uvloop.run(main(Path(chosen)))
