"""Keeps the fake nodes alive: a Lease for each, renewed every ten seconds, as kubelets do.

The nodes are spread evenly over the ten seconds; those whose turn it is together are renewed together, so that their
writes share a commit.
"""

import asyncio
import logging
from collections.abc import Coroutine, Sequence
from typing import Any

from minik.api.status import StatusError
from minik.api.types import Obj
from minik.client.client import MERGE_PATCH, Client
from minik.client.clock import Clock, SystemClock, format_micro_time
from minik.client.informer import Change, Informer, Informers
from minik.client.resources import LEASES, NODES
from minik.server.fake_nodes import node as fake

log = logging.getLogger("minik.fake_nodes")

PERIOD = 10.0  # seconds from one renewal of a Lease to the next
_TURNS = 20  # in a period
_AT_ONCE = 32
_NAMESPACE = "kube-node-lease"


class Heartbeats:
    """The component. Every Node that says it is fake gets a Lease."""

    name = "fake-heartbeats"

    def __init__(self, client: Client, informers: Informers, *, clock: Clock | None = None) -> None:
        self._client = client
        self._clock: Clock = clock or SystemClock()
        self._nodes: Informer = informers.of(NODES)
        self._new: dict[str, Obj] = {}  # nodes that have no Lease of ours yet
        self._turns: list[set[str]] = [set() for _ in range(_TURNS)]
        self._wake = asyncio.Event()

    async def run(self, ready: asyncio.Event) -> None:
        self._nodes.add_handler(self._nodes_changed)
        try:
            await self._nodes.wait_synced()
            ready.set()
            turn = 0
            while True:
                if not any(self._turns) and not self._new:
                    self._wake.clear()
                    await self._wake.wait()
                await asyncio.sleep(PERIOD / _TURNS)  # a heartbeat is a matter of time alone
                new, self._new = self._new, {}
                renewals = [self._renew(name) for name in self._turns[turn]]
                await _together([*(self._begin(node) for node in new.values()), *renewals])
                turn = (turn + 1) % _TURNS
        finally:
            self._nodes.remove_handler(self._nodes_changed)

    def _nodes_changed(self, changes: Sequence[Change]) -> None:
        for change in changes:
            name = change.obj["metadata"]["name"]
            if change.new is None or not fake.is_fake(change.new):
                self._new.pop(name, None)
                self._turn_of(name).discard(name)
            elif name not in self._turn_of(name):
                self._new[name] = change.new
                self._turn_of(name).add(name)
                self._wake.set()

    def _turn_of(self, name: str) -> set[str]:
        number = fake.number_of(name)
        return self._turns[(hash(name) if number is None else number) % _TURNS]

    async def _begin(self, node: Obj) -> None:
        """A Lease for a node that has none, or one of an earlier run."""
        metadata = node["metadata"]
        owner = {"apiVersion": "v1", "kind": "Node", "name": metadata["name"], "uid": metadata["uid"]}
        lease = {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": metadata["name"], "namespace": _NAMESPACE, "ownerReferences": [owner]},
            "spec": {"holderIdentity": metadata["name"], "leaseDurationSeconds": 40, "renewTime": self._now()},
        }
        try:
            await self._client.create(LEASES, lease, _NAMESPACE)
        except StatusError as error:
            if error.reason == "AlreadyExists":
                await self._renew(metadata["name"])
            else:
                log.warning("the Lease of %s: %s", metadata["name"], error.message)

    async def _renew(self, name: str) -> None:
        try:
            await self._client.patch(
                LEASES, name, {"spec": {"renewTime": self._now()}}, _NAMESPACE, patch_type=MERGE_PATCH
            )
        except StatusError as error:
            node = self._nodes.get(name)
            if error.code == 404 and node is not None:
                self._new[name] = node  # somebody deleted the Lease alone
            elif error.code != 404:
                log.warning("the Lease of %s: %s", name, error.message)

    def _now(self) -> str:
        return format_micro_time(self._clock.now())


async def _together(doings: Sequence[Coroutine[Any, Any, None]]) -> None:
    """Some at a time."""
    waiting = list(doings)

    async def work() -> None:
        while waiting:
            await waiting.pop()

    async with asyncio.TaskGroup() as group:
        for _ in range(min(_AT_ONCE, len(waiting))):
            group.create_task(work())
