"""Watches: from now, from the past, from the future; whole revisions; slow readers; only who is concerned."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from minik.store import watch as watch_module
from minik.store.mvcc import MvccStore
from minik.store.open import open_store
from minik.store.store import CompactedError, Delete, Event, KeyValue, Only, Put, SlowWatcherError, Txn, Watch


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[MvccStore]:
    async with open_store(tmp_path) as opened:
        yield opened


@pytest.fixture(params=["memory", "disk"])
def recent_events(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run a test twice: with the past in memory, and with none of it."""
    if request.param == "disk":
        monkeypatch.setattr(watch_module, "RECENT_EVENTS", 0)


async def write(store: MvccStore, *operations: Put | Delete, soft: bool = False) -> int:
    return (await store.txn(Txn(success=operations), soft=soft)).revision


async def take(watch: Watch, count: int) -> list[Event]:
    events: list[Event] = []
    async with asyncio.timeout(5):
        while len(events) < count:
            events += await anext(watch)
    return events


def short(event: Event) -> tuple[str, bytes, int, bytes | None]:
    prev = None if event.prev_kv is None else event.prev_kv.value
    return event.type.name, event.kv.key, event.kv.mod_revision, prev


HISTORY = [
    ("PUT", b"a", 2, None),
    ("PUT", b"a", 3, b"1"),
    ("PUT", b"b", 3, None),
    ("DELETE", b"a", 4, b"2"),
    ("DELETE", b"b", 4, b"1"),
    ("PUT", b"a", 5, None),
]


async def write_history(store: MvccStore) -> None:
    await write(store, Put(b"a", b"1"))
    await write(store, Put(b"a", b"2"), Put(b"b", b"1"))
    await write(store, Delete(b"a", b"c"))
    await write(store, Put(b"a", b"3"))


async def test_watch_from_now(store: MvccStore) -> None:
    watch = store.watch(b"a", b"c")
    await write_history(store)
    events = await take(watch, 6)
    assert [short(event) for event in events] == HISTORY
    assert [event.is_create for event in events] == [True, False, True, False, False, True]
    assert watch.revision == 5


async def test_what_readers_made_of_superseded_values_goes_and_of_present_ones_stays(
    store: MvccStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("minik.store.watch._READ_BY_NOW", 2)
    watch = store.watch(b"a", b"z")
    values = []
    for key in (b"a", b"a", b"a", b"a", b"b"):
        await write(store, Put(key, b""))
        values.append((await take(watch, 1))[0].kv)
        values[-1].memo = "made of it"
    await write(store, Put(b"c", b""), Put(b"a", b"new"))
    assert [value.memo for value in values] == [None, None, "made of it", "made of it", "made of it"]


async def test_what_is_dear_stays_with_a_superseded_value(store: MvccStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("minik.store.watch._READ_BY_NOW", 0)
    watch = store.watch(b"a", b"z")
    for dear in (True, False):
        await write(store, Put(b"a", b""))
        kv = (await take(watch, 1))[0].kv
        kv.memo = SimpleNamespace(dear=dear)
        await write(store, Put(b"a", b"new"))
        await take(watch, 1)
        assert (kv.memo is not None) is dear


@pytest.mark.usefixtures("recent_events")
@pytest.mark.parametrize("start", [1, 2, 3, 4, 5, 6, 7])
async def test_watch_from_a_revision(store: MvccStore, start: int) -> None:
    await write_history(store)
    watch = store.watch(b"a", b"c", start_revision=start)
    expected = [each for each in HISTORY if each[2] >= start]
    assert [short(event) for event in await take(watch, len(expected))] == expected
    await write(store, Put(b"a", b"6"))
    await write(store, Put(b"a", b"7"))
    assert (await take(watch, 1))[0].kv.mod_revision == max(6, start)


@pytest.mark.usefixtures("recent_events")
async def test_from_history_to_live_nothing_is_missed_or_doubled(
    store: MvccStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("minik.store.mvcc.HISTORY_CHUNK", 7)
    for number in range(40):
        await write(store, Put(b"a%d" % (number % 3), b""), Put(b"b", b""))
    watch = store.watch(b"a", b"c", start_revision=2)

    async def keep_writing() -> None:
        for number in range(40):
            await write(store, Put(b"a%d" % (number % 3), b""), Put(b"b", b""))

    events, _ = await asyncio.gather(take(watch, 160), keep_writing())
    assert [event.kv.mod_revision for event in events] == [revision for revision in range(2, 82) for _ in "ab"]


@pytest.mark.usefixtures("recent_events")
async def test_a_batch_never_splits_a_revision(store: MvccStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("minik.store.mvcc.HISTORY_CHUNK", 4)
    sizes = [3, 1, 9, 4, 2]
    for size in sizes:
        await write(store, *(Put(b"%d" % number, b"") for number in range(size)))
    watch = store.watch(b"", b"\0", start_revision=1)
    seen: list[int] = []
    while len(seen) < sum(sizes):
        batch = [event.kv.mod_revision for event in await anext(watch)]
        assert not set(seen) & set(batch)
        seen += batch
        assert watch.revision >= seen[-1]
    assert [seen.count(revision) for revision in range(2, 7)] == sizes


@pytest.mark.usefixtures("recent_events")
async def test_watch_from_a_compacted_revision(store: MvccStore) -> None:
    await write_history(store)
    await store.compact(4)
    with pytest.raises(CompactedError) as caught:
        await asyncio.wait_for(anext(store.watch(b"a", start_revision=3)), 5)
    assert caught.value.compact_revision == 4
    watch = store.watch(b"a", b"c", start_revision=4)  # the compacted revision itself is still there, prev_kv included
    assert [short(event) for event in await take(watch, 3)] == HISTORY[3:]


async def test_a_slow_watcher_is_cut_off_and_others_are_not(store: MvccStore) -> None:
    slow, patient = store.watch(b"a", buffer=2), store.watch(b"a", buffer=10)
    for number in range(4):
        await write(store, Put(b"a", b"%d" % number))
    with pytest.raises(SlowWatcherError):
        await anext(slow)
    assert slow.revision == 1
    assert len(await take(patient, 4)) == 4
    assert store.stats.slow_watchers == 1


async def test_one_large_transaction_does_not_cut_a_watcher_off(store: MvccStore) -> None:
    watch = store.watch(b"a", b"b", buffer=2)
    await write(store, *(Put(b"a%d" % number, b"") for number in range(10)))
    assert len(await take(watch, 10)) == 10


async def test_closing_ends_the_iteration(store: MvccStore) -> None:
    watch = store.watch(b"a")

    async def read() -> list[Event]:
        return [event async for batch in watch for event in batch]

    reader = asyncio.ensure_future(read())
    await write(store, Put(b"a", b""))
    watch.close()
    assert len(await asyncio.wait_for(reader, 5)) <= 1
    watch.close()
    assert await read() == []


@pytest.mark.usefixtures("recent_events")
async def test_watches_end_when_the_store_closes(tmp_path: Path) -> None:
    async with open_store(tmp_path) as store:
        await write(store, Put(b"a", b""))
        live, late = store.watch(b"a"), store.watch(b"a", start_revision=1)
        waiting = asyncio.ensure_future(anext(live, None))
    assert await asyncio.wait_for(waiting, 5) is None
    assert await asyncio.wait_for(anext(late, None), 5) is None


RANGES = [(b"a", b""), (b"a", b"b"), (b"a", b"\0"), (b"", b"\0"), (b"ab", b"ad"), (b"c", b"b"), (b"b", b"")]


async def test_only_who_is_concerned_gets_an_event(store: MvccStore) -> None:
    def concerned(key: bytes) -> list[int]:
        return [
            number
            for number, (start, end) in enumerate(RANGES)
            if (key == start if not end else key >= start and (end == b"\0" or key < end))
        ]

    watches = [store.watch(start, end) for start, end in RANGES]
    keys = [b"", b"a", b"aa", b"ab", b"abc", b"ad", b"b", b"c", b"\xff"]
    for closed in (None, 2, 4, 0):
        if closed is not None:
            watches[closed].close()
        for key in keys:
            await write(store, Put(key, b""))
            got = [number for number, watch in enumerate(watches) if watch._pending]
            assert got == [number for number in concerned(key) if watches[number]._live]
            for watch in watches:
                watch._pending = []


async def test_a_closed_watch_leaves_nothing_in_the_index(store: MvccStore) -> None:
    watches = [store.watch(start, end) for start, end in RANGES if end != b"\0"]
    for watch in watches:
        watch.close()
    assert list(store.watchers._segments) == [b""]
    assert not store.watchers._by_key


async def test_watchers_share_the_event(store: MvccStore) -> None:
    first, second = store.watch(b"a"), store.watch(b"", b"\0")
    await write(store, Put(b"a", b""))
    assert (await take(first, 1))[0] is (await take(second, 1))[0]


async def test_a_watcher_of_one_class_hears_of_changes_from_and_to_it(store: MvccStore) -> None:
    asked: list[bytes] = []

    def classify(kv: KeyValue) -> str | None:
        asked.append(kv.key)
        return kv.value.decode() or None

    first = store.watch(b"a", b"b", only=Only(classify, "x"))
    others = [store.watch(b"a", b"b", only=Only(classify, f"other{number}")) for number in range(100)]
    await write(store, Put(b"a1", b"y"))
    assert asked == [b"a1"]
    await write(store, Put(b"a1", b"x"))
    await write(store, Put(b"a1", b"other7"))
    await write(store, Put(b"a1", b""))
    await write(store, Delete(b"a1"))
    values = [event.kv.value for event in await take(first, 4)]
    assert values == [b"x", b"other7", b"", b""]
    assert [event.kv.value for event in await take(others[7], 3)] == [b"other7", b"", b""]
    for watch in (first, *others):
        watch.close()
    assert not store.watchers.all()
