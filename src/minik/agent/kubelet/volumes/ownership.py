"""fsGroup: gives a volume's files to the Pod's group (upstream's SetVolumeOwnership)."""

import asyncio
import os
import stat
from pathlib import Path

from minik.api.types import Obj

_READ_WRITE, _READ_ONLY = 0o660, 0o440


async def give_to_pod(path: Path, pod: Obj) -> None:
    """Apply the Pod's fsGroup, if it has one, by its fsGroupChangePolicy."""
    context = pod["spec"].get("securityContext") or {}
    group = context.get("fsGroup")
    if group is not None:
        once = context.get("fsGroupChangePolicy") == "OnRootMismatch"
        await asyncio.to_thread(set_group, path, group, read_only=False, on_root_mismatch=once)


def set_group(root: Path, group: int, *, read_only: bool, on_root_mismatch: bool = False) -> None:
    """Recursively, never following links. With `on_root_mismatch` nothing is done when the root fits. Blocks."""
    if on_root_mismatch and _fits(root, group, read_only):
        return
    for parent, directories, files in os.walk(root, topdown=False):
        for name in [*files, *directories]:
            _give(os.path.join(parent, name), group, read_only)
    _give(str(root), group, read_only)


def _fits(root: Path, group: int, read_only: bool) -> bool:
    info = root.stat()
    mask = (_READ_ONLY if read_only else _READ_WRITE) | 0o110 | stat.S_ISGID
    return info.st_gid == group and info.st_mode & mask == mask


def _give(path: str, group: int, read_only: bool) -> None:
    info = os.lstat(path)
    os.chown(path, -1, group, follow_symlinks=False)
    if stat.S_ISLNK(info.st_mode):
        return
    mask = _READ_ONLY if read_only else _READ_WRITE
    if stat.S_ISDIR(info.st_mode):
        mask |= stat.S_ISGID | 0o110
    os.chmod(path, stat.S_IMODE(info.st_mode) | mask)
