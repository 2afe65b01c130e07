"""Container logs: rotates those that have grown too large (10 MiB, 5 files by default).

    0.log -> 0.log.20260102-030405 -> 0.log.20260102-030405.gz

The runtime is told to open a new file before anything is compressed, so no line is lost.
"""

import asyncio
import gzip
import logging
import os
import shutil
import time
from collections.abc import Iterable
from pathlib import Path

from minik.agent.kubelet.runtime import Runtime
from minik.agent.kubelet.runtime_types import Container, CRIError

log = logging.getLogger("minik.kubelet")


class LogRotator:
    def __init__(self, runtime: Runtime, max_size: int, max_files: int) -> None:
        self._runtime = runtime
        self._max_size, self._max_files = max_size, max_files

    async def check(self, running: Iterable[Container]) -> None:
        """Rotate what is too large. One stat per container; never raises for one container's sake."""
        for container in running:
            path = Path(container.log_path)
            if not container.log_path or _size(path) < self._max_size:
                continue
            try:
                await self._rotate(container, path)
            except FileNotFoundError:
                log.debug("%s went away while it was rotated", path)
            except (OSError, CRIError) as error:
                log.warning("cannot rotate %s: %s", path, error)

    async def _rotate(self, container: Container, path: Path) -> None:
        rotated = path.with_name(f"{path.name}.{time.strftime('%Y%m%d-%H%M%S')}")
        if rotated.exists():
            return
        os.rename(path, rotated)
        try:
            await self._runtime.reopen_log(container.id)
        except CRIError:
            os.rename(rotated, path)
            raise
        await asyncio.to_thread(_tidy, path, rotated, self._max_files)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _tidy(path: Path, newest: Path, max_files: int) -> None:
    """Compress all but the newest rotated file, and delete the oldest beyond `max_files` (the live one counts)."""
    rotated = sorted(p for p in path.parent.glob(f"{path.name}.*") if not p.name.endswith(".tmp"))
    for old in rotated[: max(0, len(rotated) - (max_files - 1))]:
        old.unlink(missing_ok=True)
    for old in rotated:
        if old != newest and old.exists() and old.suffix != ".gz":
            compressed = old.with_name(f"{old.name}.gz.tmp")
            with old.open("rb") as source, gzip.open(compressed, "wb") as target:
                shutil.copyfileobj(source, target)
            os.replace(compressed, old.with_name(f"{old.name}.gz"))
            old.unlink()
