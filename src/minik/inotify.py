"""inotify(7) for one file: tells when it grows, moves or goes, so that nobody has to look again and again."""

import asyncio
import ctypes
import os
from pathlib import Path
from types import TracebackType

_MODIFY, _ATTRIB, _MOVE_SELF, _DELETE_SELF = 0x2, 0x4, 0x800, 0x400
FILE_EVENTS = _MODIFY | _ATTRIB | _MOVE_SELF | _DELETE_SELF
DIRECTORY_EVENTS = 0x8 | 0x40 | 0x80 | 0x100 | 0x200  # close after write, moved from, moved to, create, delete
_libc = ctypes.CDLL(None, use_errno=True)


class FileWatch:
    """Use as a context manager. Raises OSError when the file cannot be watched."""

    def __init__(self, path: Path, events: int = FILE_EVENTS) -> None:
        self._fd = _libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        if self._fd < 0:
            raise OSError(ctypes.get_errno(), "inotify_init1")
        if _libc.inotify_add_watch(self._fd, os.fsencode(path), events) < 0:
            code = ctypes.get_errno()
            os.close(self._fd)
            raise OSError(code, os.strerror(code), str(path))
        self._changed = asyncio.Event()

    def __enter__(self) -> "FileWatch":
        asyncio.get_running_loop().add_reader(self._fd, self._read)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        asyncio.get_running_loop().remove_reader(self._fd)
        os.close(self._fd)

    def _read(self) -> None:
        try:
            os.read(self._fd, 4096)
        except BlockingIOError:
            return
        self._changed.set()

    async def wait(self, seconds: float) -> None:
        """Until something happened since the last wait, or for so long."""
        try:
            async with asyncio.timeout(seconds):
                await self._changed.wait()
        except TimeoutError:
            return
        self._changed.clear()
