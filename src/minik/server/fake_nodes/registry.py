"""Registers the fake nodes and keeps every Node that says it is fake Ready."""

import asyncio
import logging
from collections.abc import Mapping

from minik.api.status import StatusError
from minik.api.types import Obj
from minik.client.client import Client
from minik.client.clock import format_time
from minik.client.controller import Controller
from minik.client.informer import Informer, Informers
from minik.client.resources import NODES
from minik.server.fake_nodes import node as fake

log = logging.getLogger("minik.fake_nodes")


class FakeNodes(Controller):
    """Brings their number to `count` once; who deletes one later has it gone until the next start."""

    name = "fake-nodes"
    workers = 32  # so that many registrations share a commit

    def __init__(self, client: Client, informers: Informers, count: int, capacity: Mapping[str, str]) -> None:
        super().__init__()
        self._client = client
        self._count = count
        self._capacity = capacity
        self._missing: set[str] = set()
        self._nodes: Informer = self.watch(informers.of(NODES))

    async def run(self, ready: asyncio.Event) -> None:
        await self._nodes.wait_synced()
        self._missing = {name for name in map(fake.node_name, range(self._count)) if self._nodes.get(name) is None}
        for name in sorted(self._missing):
            self.queue.add(name)
        log.info("%d fake nodes, %d of them new", self._count, len(self._missing))
        await super().run(ready)

    async def reconcile(self, key: str) -> float | None:
        node, number = self._nodes.get(key), fake.number_of(key)
        now = format_time(self.clock.now())
        if node is None:
            if key in self._missing and number is not None:
                await self._register(key, fake.new_node(number, self._capacity, now))
            return None
        if not fake.is_fake(node):
            return None
        if number is not None and number >= self._count:  # of an earlier run with more of them
            await self._client.delete(NODES, key, uid=node["metadata"]["uid"])
        elif (healed := fake.healed(node, now, self._nodes.list)) is not None:
            await self._client.update(NODES, healed, subresource="status")
        return None

    async def _register(self, key: str, node: Obj) -> None:
        try:
            await self._client.create(NODES, node)
        except StatusError as error:
            if error.reason != "AlreadyExists":
                raise
        self._missing.discard(key)
