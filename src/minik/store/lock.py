"""One process per data directory: an flock on <directory>/lock, whose content is the holder's process id.

The kernel drops the lock when the process dies, however it dies; a leftover file means nothing.
"""

import fcntl
import os
from pathlib import Path

from minik.store.engine import StoreLockedError, StoreOpenError


class DirectoryLock:
    """Held from construction to `release`. Makes the directory (mode 0700) if it is not there."""

    def __init__(self, directory: Path) -> None:
        try:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            directory.chmod(0o700)
            self._fd = os.open(directory / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StoreOpenError(
                f"cannot use data directory {directory}: {error.strerror}; give minik a directory it owns"
            ) from error
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            pid = _read_pid(self._fd)
            os.close(self._fd)
            raise StoreLockedError(
                f"data directory {directory} is in use by process {pid or 'unknown'}; stop it first", pid
            ) from error
        os.ftruncate(self._fd, 0)
        os.pwrite(self._fd, f"{os.getpid()}\n".encode(), 0)

    def release(self) -> None:
        os.close(self._fd)


def _read_pid(fd: int) -> int:
    text = os.pread(fd, 32, 0).strip()
    return int(text) if text.isdigit() else 0
