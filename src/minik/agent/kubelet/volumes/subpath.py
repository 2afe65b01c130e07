"""subPath: bind-mounts one file or directory of a volume without ever leaving the volume.

A container may have planted symlinks in the volume, so the kernel resolves the path (openat2 with RESOLVE_BENEATH)
and the bind mount is made from the opened file, not from its name. CVE-2017-1002101 is the story behind.
"""

import ctypes
import errno
import os
import stat
import struct
from pathlib import Path

from minik.agent import mounts
from minik.agent.kubelet.volumes.volume import VolumeError

_SYS_OPENAT2 = 437  # the same number on every architecture
_RESOLVE_NO_MAGICLINKS, _RESOLVE_BENEATH = 0x02, 0x08
_libc = ctypes.CDLL(None, use_errno=True)


def bind(volume: Path, sub_path: str, target: Path, directory_mode: int = 0o750) -> None:
    """Mount volume/sub_path at `target`, making missing directories. Idempotent. Raises VolumeError. Blocks."""
    if ".." in sub_path.split("/") or sub_path.startswith("/"):
        raise VolumeError(f"subPath {sub_path!r} must be a relative path without '..'")
    if mounts.is_mount_point(target):
        return
    base = volume if volume.is_dir() else volume.parent
    root = os.open(base, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        opened = _open_or_make(root, sub_path, directory_mode)
        try:
            _bind(opened, target)
        finally:
            os.close(opened)
    except OSError as error:
        raise VolumeError(f'failed to prepare subPath for volumeMount "{sub_path}": {error.strerror}') from error
    finally:
        os.close(root)


def _bind(opened: int, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o750)
    if stat.S_ISDIR(os.fstat(opened).st_mode):
        target.mkdir(exist_ok=True)
    else:
        target.touch()
    mounts.mount(f"/proc/self/fd/{opened}", str(target), flags=mounts.MS_BIND | mounts.MS_REC)


def _open_or_make(root: int, sub_path: str, directory_mode: int) -> int:
    try:
        return _open_beneath(root, sub_path)
    except FileNotFoundError:
        _make_directories(root, sub_path, directory_mode)
        return _open_beneath(root, sub_path)


def _make_directories(root: int, sub_path: str, mode: int) -> None:
    parts = [part for part in sub_path.split("/") if part not in ("", ".")]
    current = os.dup(root)
    try:
        for count, part in enumerate(parts):
            try:
                following = _open_beneath(root, "/".join(parts[: count + 1]))
            except FileNotFoundError:
                os.mkdir(part, mode, dir_fd=current)
                os.chmod(part, mode, dir_fd=current)
                following = _open_beneath(root, "/".join(parts[: count + 1]))
            os.close(current)
            current = following
    finally:
        os.close(current)


def _open_beneath(root: int, path: str) -> int:
    how = struct.pack("=QQQ", os.O_PATH | os.O_CLOEXEC, 0, _RESOLVE_BENEATH | _RESOLVE_NO_MAGICLINKS)
    result = int(_libc.syscall(_SYS_OPENAT2, root, os.fsencode(path or "."), how, len(how)))
    if result < 0:
        code = ctypes.get_errno()
        if code == errno.EXDEV:
            raise OSError(code, "path leads out of the volume")
        raise OSError(code, os.strerror(code))
    return result
