"""Reads what nodes and Pods use from the kubelets, when somebody asks.

CPU needs two readings. Those who ask often get the time since the last one; the first waits a second for the second.
Idle costs nothing.
"""

import asyncio
import logging
import time
from collections.abc import Mapping

import aiohttp

from minik.api.status import StatusError
from minik.server.apiserver.objects import Reader
from minik.server.apiserver.streaming.kubelets import NODES, Kubelets
from minik.server.resource_metrics.usage import Key, Sample, Usage, between, parse

log = logging.getLogger("minik.resource-metrics")

FRESH = 10.0  # seconds an answer is good for
STALE = 90.0  # seconds after which an older reading says nothing about now
SHORTEST_WINDOW = 1.0  # seconds between two readings
SCRAPE_TIMEOUT = 5.0


class Scraper:
    """`usage()` maps node names to what is used there; nodes that do not answer are left out."""

    def __init__(self, objects: Reader, kubelets: Kubelets) -> None:
        self._objects = objects
        self._kubelets = kubelets
        self._last: dict[str, Sample] = {}
        self._usage: Mapping[str, Mapping[Key, Usage]] = {}
        self._usage_at = float("-inf")
        self._lock = asyncio.Lock()

    async def usage(self) -> Mapping[str, Mapping[Key, Usage]]:
        async with self._lock:
            if time.monotonic() - self._usage_at > FRESH:
                await self._refresh()
            return self._usage

    async def _refresh(self) -> None:
        before, now = self._last, time.time()
        self._last = await self._scrape()
        if any(name not in before or now - before[name].at > STALE for name in self._last):
            await asyncio.sleep(SHORTEST_WINDOW)
            before, self._last = self._last, await self._scrape()
        self._usage = {name: between(before[name], sample) for name, sample in self._last.items() if name in before}
        self._usage_at = time.monotonic()

    async def _scrape(self) -> dict[str, Sample]:
        names = [node["metadata"]["name"] for node in self._objects.list(NODES)]
        timeout = aiohttp.ClientTimeout(total=SCRAPE_TIMEOUT)
        connector = aiohttp.TCPConnector(ssl=self._kubelets.tls)
        async with aiohttp.ClientSession(timeout=timeout, connector=connector) as session:
            samples = await asyncio.gather(*(self._one(session, name) for name in names))
        return {name: sample for name, sample in zip(names, samples, strict=True) if sample is not None}

    async def _one(self, session: aiohttp.ClientSession, node: str) -> Sample | None:
        try:
            url = f"https://{self._kubelets.endpoint(node).authority}/metrics/resource"
            async with session.get(url) as answer:
                answer.raise_for_status()
                return parse(await answer.text(), time.time())
        except (StatusError, aiohttp.ClientError, TimeoutError, OSError) as error:
            log.debug("no metrics of node %s: %s", node, error)
            return None
