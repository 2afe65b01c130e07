"""The process test_store_crash.py kills: writes without end and reports on stdout what was acknowledged.

A line is "<revision> <soft|hard> <key> <value>", printed after the store has said yes; the first is "open <revision>".
"""

import asyncio
import itertools
import os
import sys
from pathlib import Path

from minik.store.mvcc import MvccStore
from minik.store.open import open_store
from minik.store.store import Compare, Put, Range, Target, Txn


def report(line: str) -> None:
    os.write(1, f"{line}\n".encode())  # one write, so that a kill never leaves half a line


async def write(store: MvccStore, key: str, generation: str, *, soft: bool) -> None:
    for number in itertools.count():
        value = f"{generation}-{number}"
        current = store.get(key.encode())
        mod = Compare(key.encode(), Target.MOD, "=", current.mod_revision if current else 0)
        put = Put(key.encode(), value.encode().ljust(number * 37 % 3000))
        result = await store.txn(Txn((mod,), (put,), (Range(key.encode()),)), soft=soft)
        assert result.succeeded
        report(f"{result.revision} {'soft' if soft else 'hard'} {key} {value}")
        await asyncio.sleep(0.002 if soft else 0)


async def upkeep(store: MvccStore) -> None:
    while True:
        await asyncio.sleep(0.03)
        if store.revision - 50 > store.compact_revision:
            await store.compact(store.revision - 50)


async def main(directory: Path, generation: str) -> None:
    async with open_store(directory, soft_delay=0.02) as store, asyncio.TaskGroup() as group:
        report(f"open {store.revision}")
        for number in range(4):
            group.create_task(write(store, f"hard{number}", generation, soft=False))
        group.create_task(write(store, "soft", generation, soft=True))
        group.create_task(upkeep(store))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2]))
