"""What `kubectl logs` shows of a CRI log."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minik.agent.kubelet import container_log
from minik.agent.kubelet.container_log import LogOptions, read_log

LINES = [
    b"2026-01-02T03:04:05.100000000Z stdout F one",
    b"2026-01-02T03:04:06.100000000Z stderr F two",
    b"2026-01-02T03:04:07.100000000Z stdout P th",
    b"2026-01-02T03:04:07.200000000Z stdout F ree",
    b"2026-01-02T03:04:08.100000000Z stdout F ",
]


async def shown(path: Path, options: LogOptions) -> str:
    return b"".join([piece async for piece in read_log(path, options, lambda: False)]).decode()


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "0.log"
    path.write_bytes(b"\n".join(LINES) + b"\n")
    return path


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (LogOptions(), "one\ntwo\nthree\n\n"),
        (LogOptions(tail=2), "three\n\n"),
        (LogOptions(tail=3), "two\nthree\n\n"),
        (LogOptions(tail=0), ""),
        (LogOptions(tail=99), "one\ntwo\nthree\n\n"),
        (LogOptions(limit=5), "one\nt"),
        (LogOptions(stream="Stderr"), "two\n"),
        (LogOptions(since=datetime(2026, 1, 2, 3, 4, 7, tzinfo=UTC)), "three\n\n"),
        (
            LogOptions(timestamps=True, tail=2),
            "2026-01-02T03:04:07.100000000Z three\n2026-01-02T03:04:08.100000000Z \n",
        ),
    ],
)
async def test_options_choose_what_is_shown(log: Path, options: LogOptions, expected: str) -> None:
    assert await shown(log, options) == expected


@given(texts=st.lists(st.text("ab", max_size=3), max_size=30), tail=st.integers(0, 35), chunk=st.integers(1, 90))
def test_a_tail_is_the_end_of_the_whole(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str], tail: int, chunk: int
) -> None:
    path = tmp_path_factory.mktemp("log") / "0.log"
    path.write_text("".join(f"2026-01-02T03:04:05Z stdout F {text}\n" for text in texts))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(container_log, "CHUNK", chunk)
        result = asyncio.run(shown(path, LogOptions(tail=tail)))
    assert result == "".join(f"{text}\n" for text in (texts[-tail:] if tail else []))


async def test_following_goes_on_across_rotation_until_the_container_stops(log: Path) -> None:
    alive = True
    pieces = read_log(log, LogOptions(follow=True, tail=1), lambda: alive)
    assert await anext(pieces) == b"\n"
    waiting = asyncio.ensure_future(anext(pieces))
    with log.open("ab") as file:
        file.write(b"2026-01-02T03:04:09Z stdout F more\n")
    assert await asyncio.wait_for(waiting, 5) == b"more\n"
    waiting = asyncio.ensure_future(anext(pieces))
    log.rename(log.with_suffix(".old"))
    log.write_bytes(b"2026-01-02T03:04:10Z stdout F rotated\n")
    assert await asyncio.wait_for(waiting, 5) == b"rotated\n"
    alive = False
    with pytest.raises(StopAsyncIteration):
        await asyncio.wait_for(anext(pieces), 5)
