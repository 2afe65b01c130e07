"""mount(2) and umount(2), without a subprocess.

Everything minik mounts (tmpfs for secrets, bind mounts for subPath, overlay probes) goes through here. Semantics:
mount(2), umount2(2), proc_pid_mountinfo(5).
"""

import ctypes
import errno
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC = 1, 2, 4, 8
MS_REMOUNT, MS_BIND, MS_REC = 32, 4096, 16384
MS_PRIVATE, MS_SHARED = 1 << 18, 1 << 20
MNT_DETACH, UMOUNT_NOFOLLOW = 2, 8

_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True, slots=True)
class Mount:
    """One line of mountinfo."""

    path: str
    fs_type: str
    source: str
    options: str
    propagation: str  # "shared:1", "master:1" or ""


def mount(source: str, target: str, fs_type: str = "", flags: int = 0, data: str = "") -> None:
    """Raises OSError."""
    result = _libc.mount(
        os.fsencode(source) if source else None,
        os.fsencode(target),
        fs_type.encode() or None,
        ctypes.c_ulong(flags),
        data.encode() or None,
    )
    if result != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code), target)


def unmount(target: str | Path, *, lazy: bool = False) -> None:
    """Unmount the topmost mount at `target`. What is not mounted is fine. Raises OSError (EBUSY)."""
    if _libc.umount2(os.fsencode(target), UMOUNT_NOFOLLOW | (MNT_DETACH if lazy else 0)) != 0:
        code = ctypes.get_errno()
        if code not in (errno.EINVAL, errno.ENOENT):
            raise OSError(code, os.strerror(code), str(target))


def mount_points() -> Iterator[Mount]:
    """The mounts of this mount namespace, in the order they were made."""
    with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as lines:
        for line in lines:
            left, _, right = line.partition(" - ")
            fields, rest = left.split(" "), right.rstrip("\n").split(" ")
            shared = " ".join(fields[6:]).strip()
            yield Mount(_unescape(fields[4]), rest[0], _unescape(rest[1]), fields[5], shared)


def _unescape(path: str) -> str:
    if "\\" not in path:
        return path
    for code, char in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
        path = path.replace(code, char)
    return path


def is_mount_point(path: str | Path) -> bool:
    """Whether something is mounted at exactly `path` (bind mounts of the same file system included)."""
    wanted = os.path.realpath(path)
    return any(point.path == wanted for point in mount_points())


def unmount_below(root: str | Path) -> list[str]:
    """Unmount everything at or below `root`, youngest first; lazily what is busy. Returns what could not be."""
    prefix = os.path.realpath(root)
    below = [point.path for point in mount_points() if point.path == prefix or point.path.startswith(prefix + "/")]
    failed = []
    for path in reversed(below):
        try:
            unmount(path)
        except OSError:
            try:
                unmount(path, lazy=True)
            except OSError:
                failed.append(path)
    return failed
