"""Random histories against a simple model: a list of states, one per revision.

Batches, history chunks and compaction pieces are made tiny so that every boundary is crossed.
"""

import asyncio
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from unittest import mock

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from minik.store.mvcc import MvccStore
from minik.store.open import open_store
from minik.store.store import CompactedError, Compare, Delete, Event, EventType, KeyValue, Put, Range, Target, Txn

State = dict[bytes, tuple[bytes, int, int, int]]  # key -> value, create_revision, mod_revision, version
Change = tuple[str, bytes, int, bytes, bytes | None]  # type, key, revision, value, value before

KEYS = st.sampled_from([b"a", b"b", b"ba", b"c"])
ENDS = st.sampled_from([b"b", b"c", b"d", b"\0"])
VALUES = st.sampled_from([b"", b"1", b"2", bytes(5000)])


@dataclass
class Write:
    """One or more transactions sent at the same time."""

    txns: list[Txn]
    soft: bool


@dataclass
class Compact:
    back: int  # revisions before the current one


@dataclass
class Reopen:
    crash: bool


puts = st.builds(Put, KEYS, VALUES)
deletes = st.one_of(st.builds(Delete, KEYS), st.builds(Delete, KEYS, ENDS))
compares = st.one_of(
    st.builds(Compare, KEYS, st.sampled_from([Target.VERSION, Target.MOD, Target.CREATE]), st.sampled_from("=<>"),
              st.integers(0, 12)),
    st.builds(Compare, KEYS, st.just(Target.VALUE), st.sampled_from(["=", "!="]), VALUES),
)  # fmt: skip
branches = st.one_of(
    st.lists(puts, max_size=3, unique_by=lambda put: put.key), st.lists(deletes, min_size=1, max_size=2)
)
txns = st.builds(Txn, st.lists(compares, max_size=2), branches, branches)
single_puts = st.builds(Txn, st.just(()), st.lists(puts, min_size=1, max_size=1))
steps = st.one_of(
    st.builds(Write, st.lists(txns, min_size=1, max_size=6), st.booleans()),
    st.builds(Write, st.lists(single_puts, min_size=3), st.booleans()),
    st.builds(Compact, st.integers(0, 10)),
    st.builds(Reopen, st.booleans()),
)


@dataclass
class Model:
    states: dict[int, State] = field(default_factory=lambda: {1: {}})
    changes: list[Change] = field(default_factory=list)
    revision: int = 1
    compacted: int = 0
    lost: list[range] = field(default_factory=list)

    def txn(self, txn: Txn) -> None:
        before = self.states[self.revision]
        operations = txn.success if all(_holds(before, compare) for compare in txn.compare) else txn.failure
        after, revision, changes = dict(before), self.revision + 1, []
        for each in operations:
            if isinstance(each, Put):
                prev = after.get(each.key)
                created, version = (revision, 1) if prev is None else (prev[1], prev[3] + 1)
                after[each.key] = (each.value, created, revision, version)
                changes.append(("PUT", each.key, revision, each.value, None if prev is None else prev[0]))
            elif isinstance(each, Delete):
                for key in sorted(key for key in after if _within(key, each.key, each.range_end)):
                    changes.append(("DELETE", key, revision, b"", after.pop(key)[0]))
        if changes:
            self.revision, self.states[revision] = revision, after
            self.changes += changes

    def crash(self, durable: int, revision: int) -> None:
        """What came after `durable` is gone; the store goes on at `revision`."""
        self.changes = [change for change in self.changes if change[2] <= durable]
        self.states = {each: state for each, state in self.states.items() if each <= durable}
        self.states[revision] = self.states[durable]
        if revision > durable:
            self.lost.append(range(durable + 1, revision))
        self.revision = revision

    def interesting(self) -> Iterator[int]:
        """Revisions worth asking for: all that were written, the edges of what was lost and compacted."""
        yield from {0, 1, *self.states, self.compacted, *(edge for lost in self.lost for edge in (lost[0], lost[-1]))}

    def unreadable(self, revision: int) -> bool:
        return revision < self.compacted or any(revision in lost for lost in self.lost)


def _within(key: bytes, start: bytes, end: bytes) -> bool:
    return key == start if not end else key >= start and (end == b"\0" or key < end)


def _holds(state: State, compare: Compare) -> bool:
    if compare.target is Target.VALUE:
        if compare.key not in state:
            return False
        return (state[compare.key][0] == compare.value) == (compare.result == "=")
    position = {Target.CREATE: 1, Target.MOD: 2, Target.VERSION: 3}[compare.target]
    actual = state.get(compare.key, (b"", 0, 0, 0))[position]
    assert isinstance(actual, int)
    assert isinstance(compare.value, int)
    return {"=": actual == compare.value, "<": actual < compare.value, ">": actual > compare.value}[compare.result]


def plain(kvs: Sequence[KeyValue]) -> State:
    return {kv.key: (kv.value, kv.create_revision, kv.mod_revision, kv.version) for kv in kvs}


def change(event: Event) -> Change:
    if event.type is EventType.DELETE:
        assert event.prev_kv is not None
    prev = None if event.prev_kv is None else event.prev_kv.value
    return event.type.name, event.kv.key, event.kv.mod_revision, event.kv.value, prev


async def check(store: MvccStore, model: Model) -> None:
    assert (store.revision, store.compact_revision) == (model.revision, model.compacted)
    everything = store.current(b"", b"\0")
    assert plain(everything.kvs) == model.states[model.revision]
    assert [kv.key for kv in everything.kvs] == sorted(model.states[model.revision])
    for revision in model.interesting():
        await check_range(store, model, revision)
        await check_watch(store, model, revision + 1)


async def check_range(store: MvccStore, model: Model, revision: int) -> None:
    if revision and model.unreadable(revision):
        with pytest.raises(CompactedError):
            await store.range(Range(b"", b"\0", revision=revision))
        return
    expected = model.states[revision or model.revision]
    for start, end, limit in ((b"", b"\0", 0), (b"b", b"c", 1), (b"b", b"", 0)):
        found = await store.range(Range(start, end, revision=revision, limit=limit))
        keys = sorted(key for key in expected if _within(key, start, end))
        shown = keys[:limit] if limit else keys
        assert plain(found.kvs) == {key: expected[key] for key in shown}
        assert [kv.key for kv in found.kvs] == shown
        assert (found.count, found.more) == (len(keys), len(keys) > len(shown))


async def check_watch(store: MvccStore, model: Model, start: int) -> None:
    watch = store.watch(b"b", b"d", start_revision=start)
    if start < model.compacted or any(start - 1 in lost for lost in model.lost):
        with pytest.raises(CompactedError):
            await asyncio.wait_for(anext(watch), 5)
        return
    expected = [each for each in model.changes if each[2] >= start and b"b" <= each[1] < b"d"]
    seen: list[Change] = []
    async with asyncio.timeout(5):
        while len(seen) < len(expected):
            seen += [change(event) for event in await anext(watch)]
    assert seen == expected
    watch.close()


async def play(directory: Path, history: Sequence[Write | Compact | Reopen]) -> None:
    model, generation = Model(), 0
    async with AsyncExitStack() as stack:
        store = await stack.enter_async_context(open_store(directory / "0"))
        for step in history:
            if isinstance(step, Write):
                watch = store.watch(b"", b"\0")
                before = len(model.changes)
                await asyncio.gather(*(store.txn(txn, soft=step.soft) for txn in step.txns))
                for txn in step.txns:
                    model.txn(txn)
                if len(model.changes) > before:
                    assert [change(event) for event in await anext(watch)] == model.changes[before:]
                watch.close()
            elif isinstance(step, Compact):
                target = model.revision - step.back
                if target > model.compacted and target in model.states:
                    await store.compact(target)
                    model.compacted = target
                    model.lost = [lost for lost in model.lost if lost[-1] >= target]
            else:
                durable, now = store._committer.durable, directory / str(generation)
                if step.crash:
                    generation += 1
                    shutil.copytree(now, directory / str(generation))
                await stack.aclose()
                store = await stack.enter_async_context(open_store(directory / str(generation)))
                if step.crash:
                    assert durable <= model.revision <= store.revision
                    assert store.revision in (durable, *range(model.revision + 1, store.revision + 1))
                    model.crash(durable, store.revision)
            await check(store, model)


@pytest.fixture(scope="module", autouse=True)
def tiny_boundaries() -> Iterator[None]:
    with (
        mock.patch("minik.store.watch.RECENT_EVENTS", 3),
        mock.patch("minik.store.mvcc.HISTORY_CHUNK", 3),
        mock.patch("minik.store.commit.LARGEST_BATCH", 4),
        mock.patch("minik.store.commit.RESERVE", 6),
        mock.patch("minik.store.sqlite.SWEEP_ROWS", 2),
        mock.patch("minik.store.sqlite.INSERT_SIZES", (2, 1)),
    ):
        yield


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(steps, min_size=1, max_size=12))
def test_any_history_is_told_as_it_was(history: list[Write | Compact | Reopen]) -> None:
    with tempfile.TemporaryDirectory() as directory:
        asyncio.run(play(Path(directory), history))
