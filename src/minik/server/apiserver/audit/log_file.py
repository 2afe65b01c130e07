"""The audit log: a file with one JSON object a line, rotated by size, with old files removed by number and age.

Blocking. Names of rotated files are lumberjack's, which upstream uses: audit-2026-01-02T15-04-05.000.log
"""

import os
import re
import sys
from datetime import UTC, datetime, timedelta
from io import BufferedIOBase
from pathlib import Path

_MB = 1 << 20
_STAMP = re.compile(r"-(\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d\.\d{3})$")


class LogFile:
    """`path` "-" is standard output, which is not rotated. Sizes in MB, ages in days, 0 for no limit."""

    def __init__(self, path: str, *, max_size: int = 100, max_backups: int = 0, max_age: int = 0) -> None:
        self._path = None if path == "-" else Path(path)
        self._limit = max_size * _MB
        self._max_backups = max_backups
        self._max_age = max_age
        self._file: BufferedIOBase | None = None
        self._size = 0

    def open(self) -> None:
        """Raises OSError."""
        if self._path is None:
            return
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._file = os.fdopen(handle, "ab", buffering=0)  # type: ignore[assignment]  # raw, since batches are whole
        self._size = os.fstat(handle).st_size

    def write(self, lines: list[bytes]) -> None:
        """Append lines, each with its line feed. Raises OSError."""
        if self._path is None:
            sys.stdout.buffer.write(b"".join(lines))
            sys.stdout.buffer.flush()
            return
        start = 0
        for at, line in enumerate(lines):
            if self._limit and self._size and self._size + len(line) > self._limit:
                self._append(lines[start:at])
                start = at
                self._rotate()
            self._size += len(line)
        self._append(lines[start:])

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def _append(self, lines: list[bytes]) -> None:
        if not lines:
            return
        if self._file is None:
            self.open()
        assert self._file is not None
        self._file.write(b"".join(lines))

    def _rotate(self) -> None:
        assert self._path is not None
        self.close()
        now = datetime.now(UTC)
        while True:
            stamp = now.strftime("%Y-%m-%dT%H-%M-%S.%f")[:-3]
            rotated = self._path.with_name(f"{self._path.stem}-{stamp}{self._path.suffix}")
            if not rotated.exists():
                break
            now += timedelta(milliseconds=1)
        self._path.rename(rotated)
        self.open()
        self._size = 0
        self._remove_old()

    def _remove_old(self) -> None:
        assert self._path is not None
        rotated = []
        for candidate in self._path.parent.glob(f"{self._path.stem}-*{self._path.suffix}"):
            if found := _STAMP.search(candidate.stem):
                rotated.append((found[1], candidate))
        rotated.sort(reverse=True)
        if self._max_backups:
            for _, old in rotated[self._max_backups :]:
                old.unlink(missing_ok=True)
        if self._max_age:
            oldest = (datetime.now(UTC) - timedelta(days=self._max_age)).strftime("%Y-%m-%dT%H-%M-%S.%f")[:-3]
            for stamp, old in rotated:
                if stamp < oldest:
                    old.unlink(missing_ok=True)
