"""Reads a container's log as `kubectl logs` wants it: parts, tails, times, following across rotation.

Lines are in CRI's format, `2026-01-02T03:04:05.678901234Z stdout F text`; P marks a piece of a longer line.
https://github.com/kubernetes/design-proposals-archive/blob/main/node/kubelet-cri-logging.md
"""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from minik.inotify import FileWatch

CHUNK = 64 * 1024  # bytes read at once
LOOK_AGAIN = 1.0  # seconds a follower waits for news before asking whether the container still runs


@dataclass(frozen=True, slots=True)
class LogOptions:
    """v1 PodLogOptions. `tail` -1 and `limit` -1 mean all; `since` is aware UTC; `stream` is All, Stdout or Stderr."""

    follow: bool = False
    timestamps: bool = False
    tail: int = -1
    limit: int = -1
    since: datetime | None = None
    stream: str = "All"


async def read_log(path: Path, options: LogOptions, running: Callable[[], bool]) -> AsyncIterator[bytes]:
    """The log's text in pieces. Following ends when the container has stopped and everything was read.

    Raises OSError when there is no such file.
    """
    printer = _Printer(options)
    file: BinaryIO = await asyncio.to_thread(path.open, "rb")
    try:
        if options.tail >= 0:
            await asyncio.to_thread(_seek_tail, file, options.tail)
        while not printer.full:
            was_running = running()
            data = await asyncio.to_thread(file.read, CHUNK)
            if data:
                if text := printer.feed(data):
                    yield text
                continue
            if not options.follow:
                return
            newer = await asyncio.to_thread(_reopened, file, path)
            if newer is not None:
                file.close()
                file = newer
            elif not was_running:
                return
            else:
                await _wait_for_more(file, path)
    finally:
        file.close()


async def _wait_for_more(file: BinaryIO, path: Path) -> None:
    try:
        with FileWatch(path) as watch:
            if os.fstat(file.fileno()).st_size <= file.tell():
                await watch.wait(LOOK_AGAIN)
    except OSError:
        await asyncio.sleep(LOOK_AGAIN)  # between rotation and the new file there is none to watch


def _reopened(file: BinaryIO, path: Path) -> BinaryIO | None:
    """The file now at `path` if it is another one (the log was rotated) and everything of the old one was read."""
    try:
        newest = path.stat()
    except OSError:
        return None
    mine = os.fstat(file.fileno())
    if (newest.st_dev, newest.st_ino) == (mine.st_dev, mine.st_ino) or mine.st_size > file.tell():
        return None
    return path.open("rb")


def _seek_tail(file: BinaryIO, lines: int) -> None:
    """Put the position where the last `lines` lines begin. Pieces of one line count as one."""
    position = end = file.seek(0, os.SEEK_END)
    seen, carry = 0, b""
    while position > 0:
        start = max(0, position - CHUNK)
        file.seek(start)
        block = file.read(position - start) + carry
        position = start
        whole = block.find(b"\n") + 1 if position else 0  # what comes before is the end of an entry cut in two
        carry = block[:whole]
        for entry in reversed(block[whole:].splitlines(keepends=True)):
            seen += _ends_line(entry)
            if seen > lines:
                file.seek(end)
                return
            end -= len(entry)
    file.seek(0)


def _ends_line(entry: bytes) -> bool:
    parts = entry.split(b" ", 3)
    return len(parts) < 3 or not parts[2].startswith(b"P")


class _Printer:
    """Turns raw log bytes into what is shown."""

    def __init__(self, options: LogOptions) -> None:
        self._options = options
        self._rest = b""
        self._left = options.limit
        self._continued: dict[bytes, bool] = {}
        self._stream = {"Stdout": b"stdout", "Stderr": b"stderr"}.get(options.stream)
        self._since = _stamp(options.since) if options.since else b""

    @property
    def full(self) -> bool:
        """The byte limit is reached."""
        return self._left == 0

    def feed(self, data: bytes) -> bytes:
        *entries, self._rest = (self._rest + data).split(b"\n")
        text = b"".join(self._show(entry) for entry in entries)
        if self._left >= 0:
            text = text[: self._left]
            self._left -= len(text)
        return text

    def _show(self, entry: bytes) -> bytes:
        parts = entry.split(b" ", 3)
        if len(parts) < 3:
            return b""
        stamp, stream, tag = parts[:3]
        content = parts[3] if len(parts) > 3 else b""
        if self._stream not in (None, stream) or (self._since and stamp < self._since):
            return b""
        begins = not self._continued.get(stream, False)
        partial = tag.startswith(b"P")
        self._continued[stream] = partial
        shown = stamp + b" " + content if self._options.timestamps and begins else content
        return shown if partial else shown + b"\n"


def _stamp(moment: datetime) -> bytes:
    """A time that compares with CRI's as bytes (whole seconds precede any fraction of them)."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S").encode()
