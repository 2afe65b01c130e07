"""Writes a payload so that a reader sees all of the old files or all of the new ones, never a mix.

    dir/..2026_11_20_10_00_00.123456789/key    the files
    dir/..data -> ..2026_11_20_10_00_00.123456789    swapped by one rename
    dir/key -> ..data/key    what containers open

The layout is upstream's (kubelet's AtomicWriter); programs that watch `..data` rely on it.
"""

import os
import shutil
import time
from pathlib import Path

from minik.agent.kubelet.volumes.volume import Payload, PayloadFile, VolumeError

DATA, NEW_DATA = "..data", "..data_tmp"


def write(directory: Path, payload: Payload, group: int | None = None) -> bool:
    """Bring `directory` to `payload`; says whether anything changed. `group` is the Pod's fsGroup. Blocks."""
    for path in payload.files:
        _check(path)
    current = directory / DATA
    old_name = os.readlink(current) if current.is_symlink() else ""
    if old_name and _same(directory / old_name, payload, group):
        return False
    directory.chmod(0o777 | (0o2000 if group is not None else 0))
    if group is not None:
        os.chown(directory, -1, group)
    new_name = time.strftime("..%Y_%m_%d_%H_%M_%S.", time.gmtime()) + f"{time.time_ns() % 10**9:09d}"
    new = directory / new_name
    new.mkdir(mode=0o755)
    _own_directory(new, group)
    for path, file in payload.files.items():
        _write_file(new, path, file, group)
    link = directory / NEW_DATA
    link.unlink(missing_ok=True)
    link.symlink_to(new_name)
    link.rename(current)
    _link_visible(directory, payload)
    if old_name:
        shutil.rmtree(directory / old_name, ignore_errors=True)
    return True


def _check(path: str) -> None:
    parts = path.split("/")
    if not path or path.startswith("/") or ".." in parts or parts[0].startswith(".."):
        raise VolumeError(f"invalid path: {path!r}")


def _mode(file: PayloadFile, group: int | None) -> int:
    return file.mode | (0o440 if group is not None else 0)


def _same(directory: Path, payload: Payload, group: int | None) -> bool:
    present = {
        os.path.relpath(os.path.join(parent, name), directory)
        for parent, _, names in os.walk(directory)
        for name in names
    }
    if present != payload.files.keys() or not directory.is_dir():
        return False
    for path, file in payload.files.items():
        target = directory / path
        if target.read_bytes() != file.content or target.stat().st_mode & 0o7777 != _mode(file, group):
            return False
    return True


def _own_directory(directory: Path, group: int | None) -> None:
    directory.chmod(0o755 if group is None else 0o2755)
    if group is not None:
        os.chown(directory, -1, group)


def _write_file(root: Path, path: str, file: PayloadFile, group: int | None) -> None:
    target = root / path
    for parent in reversed(target.relative_to(root).parents):
        directory = root / parent
        if not directory.exists():
            directory.mkdir()
            _own_directory(directory, group)
    target.write_bytes(file.content)
    if file.uid is not None or group is not None:
        os.chown(target, -1 if file.uid is None else file.uid, -1 if group is None else group)
    target.chmod(_mode(file, group))


def _link_visible(directory: Path, payload: Payload) -> None:
    """The first path element of every file is a link into ..data; links to what is gone go."""
    wanted = {path.split("/", 1)[0] for path in payload.files}
    for entry in os.scandir(directory):
        if not entry.name.startswith("..") and entry.is_symlink() and entry.name not in wanted:
            os.unlink(entry.path)
    for name in wanted:
        link = directory / name
        if not link.is_symlink():
            link.symlink_to(f"{DATA}/{name}")
