"""Deletes unused images when the disk is fuller than the high threshold, until it is below the low one.

https://kubernetes.io/docs/concepts/architecture/garbage-collection/#container-image-garbage-collection
"""

import logging
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from minik.agent.kubelet import machine
from minik.agent.kubelet.runtime import Runtime
from minik.agent.kubelet.runtime_types import CRIError, Image

log = logging.getLogger("minik.kubelet")


class ImageGC:
    def __init__(self, runtime: Runtime, *, high: int, low: int, minimum_age: float) -> None:
        self._runtime = runtime
        self._high, self._low, self._minimum_age = high, low, minimum_age
        self._first_seen: dict[str, float] = {}
        self._last_used: dict[str, float] = {}

    async def collect(self, *, everything: bool = False) -> int:
        """Returns the bytes freed. `everything`: all unused images, for disk pressure. Raises CRIError."""
        images = await self._runtime.images()
        used = {
            text for container in await self._runtime.containers() for text in (container.image_ref, container.image)
        }
        now = time.monotonic()
        self._note(images, used, now)
        wanted = sum(image.size for image in images) if everything else await self._excess()
        freed = 0
        for image in plan(images, used, self._last_used, self._first_seen, now - self._minimum_age):
            if freed >= wanted:
                break
            try:
                await self._runtime.remove_image(image.id)
            except CRIError as error:
                log.info("cannot remove image %s: %s", image.id, error)
                continue
            log.info("removed the unused image %s to free %d bytes", next(iter(image.tags), image.id), image.size)
            freed += image.size
        return freed

    def _note(self, images: Sequence[Image], used: set[str], now: float) -> None:
        present = {image.id for image in images}
        for table in (self._first_seen, self._last_used):
            for gone in table.keys() - present:
                del table[gone]
        for image in images:
            self._first_seen.setdefault(image.id, now)
            if _in_use(image, used):
                self._last_used[image.id] = now

    async def _excess(self) -> int:
        """Bytes to free to get below the low threshold; 0 while the disk is below the high one."""
        mount_point, _, _ = await self._runtime.image_filesystem()
        disk = machine.filesystem(Path(mount_point or "/"))
        used = disk.capacity - disk.available
        if not disk.capacity or used * 100 < disk.capacity * self._high:
            return 0
        return used - disk.capacity * self._low // 100


def plan(
    images: Iterable[Image],
    used: set[str],
    last_used: dict[str, float],
    first_seen: dict[str, float],
    older_than: float,
) -> list[Image]:
    """Images that may go, the longest unused first (pure)."""
    candidates = [
        image
        for image in images
        if not image.pinned
        and not _in_use(image, used)
        and first_seen.get(image.id, 0.0) <= older_than
        and not any(tag.startswith("minik.local/pause:") for tag in image.tags)
    ]
    return sorted(candidates, key=lambda image: (last_used.get(image.id, 0.0), first_seen.get(image.id, 0.0)))


def _in_use(image: Image, used: set[str]) -> bool:
    return image.id in used or any(name in used for name in (*image.tags, *image.digests))
