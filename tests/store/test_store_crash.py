"""kill -9 in the middle of writing, again and again: nothing acknowledged is lost, no revision is used twice."""

import asyncio
import random
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from minik.store.open import open_store
from minik.store.store import Range

WRITER = Path(__file__).with_name("store_crash_writer.py")
ROUNDS = 6
SECONDS = 10.0  # for all rounds


@dataclass
class Acknowledged:
    revisions: set[int] = field(default_factory=set)
    newest: dict[str, tuple[int, str]] = field(default_factory=dict)  # hard key -> (revision, value)


def run_and_kill(directory: Path, generation: int, seconds: float) -> list[str]:
    """The lines a writer reported before it was killed."""
    command = [sys.executable, str(WRITER), str(directory), str(generation)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        lines = [writer.stdout.readline()]
        killed = time.monotonic() + seconds
        while time.monotonic() < killed:
            lines.append(writer.stdout.readline())
        writer.kill()
        return lines + writer.stdout.readlines()


def account(lines: list[str], acknowledged: Acknowledged) -> None:
    opened, *writes = lines
    assert opened.startswith("open "), opened
    start, last = int(opened.split()[1]), 0
    assert start >= max(acknowledged.revisions, default=0)
    for line in writes:
        revision_text, kind, key, value = line.split()
        revision = int(revision_text)
        assert revision not in acknowledged.revisions, f"revision {revision} was handed out twice"
        assert revision > start
        acknowledged.revisions.add(revision)
        if kind == "hard":
            assert revision > last
            last = revision
            acknowledged.newest[key] = revision, value


async def verify(directory: Path, acknowledged: Acknowledged) -> None:
    async with open_store(directory) as store:
        for key, (revision, value) in acknowledged.newest.items():
            kv = store.get(key.encode())
            assert kv is not None
            assert kv.mod_revision >= revision, f"{key}: revision {revision} was acknowledged and is lost"
            if kv.mod_revision == revision:
                assert kv.value.rstrip(b" \0") == value.encode()
        found = await store.range(Range(b"", b"\0", revision=store.compact_revision))
        assert store.compact_revision == 0 or all(kv.mod_revision <= store.compact_revision for kv in found.kvs)


def test_nothing_acknowledged_is_lost_and_no_revision_is_used_twice(tmp_path: Path) -> None:
    acknowledged, dice = Acknowledged(), random.Random()
    until = time.monotonic() + SECONDS
    rounds = 0
    while rounds < ROUNDS and time.monotonic() < until:
        lines = run_and_kill(tmp_path, rounds, dice.uniform(0.05, 0.5))
        account(lines, acknowledged)
        rounds += 1
        if rounds % 3 == 0:  # the other crashes are found by the next writer itself
            asyncio.run(verify(tmp_path, acknowledged))
    asyncio.run(verify(tmp_path, acknowledged))
    assert rounds >= 2
    assert len(acknowledged.revisions) > 100
