"""A configuration file that takes effect when it changes, looked at once a minute as upstream does.

Only servers with such files have this component. What cannot be used is logged and counted, and the last good content
stays in force.
"""

import asyncio
import hashlib
import logging
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from minik.config import StartupError

if TYPE_CHECKING:
    from prometheus_client.core import Metric

log = logging.getLogger("minik.apiserver.configuration")

_EVERY = 60.0  # seconds


class FollowedFile:
    """The component. `take` gets the new content; raises ValueError or StartupError if it is no good.

    `metric` is the prefix of its counters, such as apiserver_authentication_config_controller.
    """

    def __init__(
        self, path: Path, metric: str, take: Callable[[bytes], None], *, content: bytes, every: float = _EVERY
    ) -> None:
        self.name = f"follow {path}"
        self._path = path
        self._metric = metric
        self._take = take
        self._seen = content
        self._every = every
        self._reloads = {"success": 0, "failure": 0}
        self._last: dict[str, float] = {}

    async def run(self, ready: asyncio.Event) -> None:
        ready.set()
        while True:
            await asyncio.sleep(self._every)
            await self.look()

    async def look(self) -> None:
        """Take in the file if it has changed."""
        try:
            content = await asyncio.to_thread(self._path.read_bytes)
            if content == self._seen:
                return
            self._take(content)
        except (OSError, ValueError, StartupError) as error:
            log.error("%s is not taken in: %s", self._path, error)
            self._count("failure")
            return
        self._seen = content
        self._count("success")
        log.info("%s has changed and is in force", self._path)

    def _count(self, status: str) -> None:
        self._reloads[status] += 1
        self._last[status] = time.time()

    def collect(self) -> Iterator["Metric"]:
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

        identity = "sha256:" + hashlib.sha256(b"minik").hexdigest()
        labels = ("status", "apiserver_id_hash")
        total = CounterMetricFamily(
            f"{self._metric}_automatic_reloads_total", "Total number of automatic reloads.", labels=labels
        )
        last = GaugeMetricFamily(
            f"{self._metric}_automatic_reload_last_timestamp_seconds",
            "Time of the last automatic reload.",
            labels=labels,
        )
        for status, count in self._reloads.items():
            total.add_metric((status, identity), count)
        for status, at in self._last.items():
            last.add_metric((status, identity), at)
        yield total
        yield last
