"""What a node does now and then: rotates logs, notices pressure and evicts, deletes unused images, looks again."""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from minik.agent.kubelet import local_storage, machine, pressure
from minik.agent.kubelet.config import KubeletSettings
from minik.agent.kubelet.image_gc import ImageGC
from minik.agent.kubelet.logs import LogRotator
from minik.agent.kubelet.node_status import Pressure
from minik.agent.kubelet.pod_worker import Phase, PodWorker
from minik.agent.kubelet.runtime import Runtime
from minik.agent.kubelet.runtime_config import pod_log_directory
from minik.agent.kubelet.runtime_types import CRIError

log = logging.getLogger("minik.kubelet")

PERIOD = 10.0  # seconds between cheap checks
RELIST_PERIOD = 300.0  # seconds between looks at everything

Evict = Callable[[str, str, bool], None]  # uid, why, whether the node is the reason


class Housekeeping:
    """`pressure` is the node's state as last seen."""

    def __init__(self, runtime: Runtime, settings: KubeletSettings) -> None:
        self.pressure = Pressure()
        self._runtime = runtime
        self._settings = settings
        self._machine = machine.read_machine()
        self._memory = pressure.PressureMemory()
        self._logs = LogRotator(runtime, settings.container_log_max_size, settings.container_log_max_files)
        self._images = ImageGC(
            runtime,
            high=settings.image_gc_high_threshold,
            low=settings.image_gc_low_threshold,
            minimum_age=settings.minimum_image_ttl,
        )

    async def run(self, workers: Mapping[str, PodWorker], evict: Evict, pressure_changed: Callable[[], None]) -> None:
        image_root = await self._image_root()
        relisted = time.monotonic()
        while True:
            await asyncio.sleep(PERIOD)
            try:
                await self._logs.check([c for worker in [*workers.values()] for c in worker.state.running])
                await self._check_local_storage(workers, evict)
                await self._check_pressure(workers, image_root, evict, pressure_changed)
                if time.monotonic() - relisted >= RELIST_PERIOD:
                    relisted = time.monotonic()
                    for worker in [*workers.values()]:
                        worker.runtime_changed()
                    await self._images.collect()
            except CRIError as error:
                log.warning("housekeeping: %s", error)
            except Exception:
                log.exception("housekeeping failed")

    async def _image_root(self) -> Path:
        try:
            return Path((await self._runtime.image_filesystem())[0] or self._settings.root_dir)
        except CRIError:
            return self._settings.root_dir

    async def _check_pressure(
        self,
        workers: Mapping[str, PodWorker],
        image_root: Path,
        evict: Evict,
        pressure_changed: Callable[[], None],
    ) -> None:
        found = pressure.shortages(
            self._machine,
            machine.memory_available(),
            machine.filesystem(self._settings.root_dir),
            machine.filesystem(image_root),
            machine.process_ids(),
            self._settings,
        )
        now = self._memory.update(found, time.monotonic())
        if now != self.pressure:
            self.pressure = now
            pressure_changed()
        if not found:
            return
        if any(s.resource in ("ephemeral-storage", "inodes") for s in found) and await self._images.collect(
            everything=True
        ):
            return
        await self._evict_one(workers, found[0], evict)

    async def _evict_one(self, workers: Mapping[str, PodWorker], shortage: pressure.Shortage, evict: Evict) -> None:
        used: dict[str, int] = {}
        for stats in await self._runtime.stats():
            used[stats.pod_uid] = used.get(stats.pod_uid, 0) + stats.memory_working_set
        active = [worker.pod for worker in workers.values() if worker.phase is Phase.ACTIVE]
        chosen = pressure.victim(active, used, shortage)
        if chosen is not None:
            log.warning("evicting pod %s: %s is short", chosen["metadata"]["name"], shortage.resource)
            evict(chosen["metadata"]["uid"], pressure.message(shortage), True)

    async def _check_local_storage(self, workers: Mapping[str, PodWorker], evict: Evict) -> None:
        pods = [worker.pod for worker in workers.values() if worker.phase is Phase.ACTIVE]
        for pod in filter(local_storage.is_limited, pods):
            uid = pod["metadata"]["uid"]
            written = {stats.name: stats.rootfs_used for stats in await self._runtime.stats(uid)}
            directory = self._settings.root_dir / "pods" / uid
            logs = pod_log_directory(self._settings.pod_logs_dir, pod)
            usage = await asyncio.to_thread(local_storage.measure, pod, directory, logs, written)
            if why := local_storage.excess(pod, usage):
                log.warning("evicting pod %s: %s", pod["metadata"]["name"], why)
                evict(uid, why, False)
