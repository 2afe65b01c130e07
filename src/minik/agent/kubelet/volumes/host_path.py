"""hostPath volumes. https://kubernetes.io/docs/concepts/storage/volumes/#hostpath"""

import asyncio
import stat
from pathlib import Path

from minik.agent.kubelet.volumes.volume import VolumeContext, VolumeError
from minik.api.types import Obj

_CHECKS = {
    "Directory": (stat.S_ISDIR, "directory"),
    "DirectoryOrCreate": (stat.S_ISDIR, "directory"),
    "File": (stat.S_ISREG, "file"),
    "FileOrCreate": (stat.S_ISREG, "file"),
    "Socket": (stat.S_ISSOCK, "socket file"),
    "CharDevice": (stat.S_ISCHR, "character device"),
    "BlockDevice": (stat.S_ISBLK, "block device"),
}


async def set_up(volume: Obj, context: VolumeContext) -> Path:
    return await path_of(volume["hostPath"])


async def path_of(source: Obj) -> Path:
    """Check (and make, for the OrCreate types) the path of a HostPathVolumeSource. Raises VolumeError."""
    path, kind = Path(source["path"]), source.get("type") or ""
    await asyncio.to_thread(_check, path, kind)
    return path


def _check(path: Path, kind: str) -> None:
    if not kind:
        return
    if not path.exists():
        if kind == "DirectoryOrCreate":
            path.mkdir(mode=0o755, parents=True, exist_ok=True)
        elif kind == "FileOrCreate":
            path.touch(mode=0o644)
    fits, what = _CHECKS[kind]
    if not path.exists() or not fits(path.stat().st_mode):
        raise VolumeError(f"hostPath type check failed: {path} is not a {what}")
