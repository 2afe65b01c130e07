"""Renews the Leases of all fake nodes: a few at each tick of one timer, each every ten seconds as kubelets do.

https://kubernetes.io/docs/concepts/architecture/nodes/#node-heartbeats
"""

import asyncio
import logging
from collections.abc import Sequence

from minik.api.status import StatusError
from minik.api.types import Obj
from minik.client.client import Client
from minik.client.clock import Clock, SystemClock, format_micro_time
from minik.client.informer import Change, Informers
from minik.client.resources import LEASES, NODES
from minik.server.fake_nodes.node import is_fake

log = logging.getLogger("minik.fake_nodes")

NAMESPACE = "kube-node-lease"
DURATION = 40  # seconds a Lease holds; renewed four times in that time
PERIOD = 10.0
TICKS = 20  # at most, in a period
AT_ONCE = 64
RETRY_AFTER = 1.0  # seconds


class Heartbeats:
    """A component. Nodes start to beat when they are first seen, and stop when they are gone."""

    name = "fake-heartbeats"

    def __init__(
        self, client: Client, informers: Informers, clock: Clock | None = None, *, period: float = PERIOD
    ) -> None:
        self._client = client
        self._period = period
        self._clock: Clock = clock or SystemClock()
        self._uids: dict[str, str] = {}  # node -> its UID
        self._leases: dict[str, Obj] = {}  # as last written
        self._new: dict[str, None] = {}  # nodes without a Lease of ours
        self._wake = asyncio.Event()
        self._nodes = informers.of(NODES)

    async def run(self, ready: asyncio.Event) -> None:
        self._nodes.add_handler(self._notice)
        try:
            ready.set()
            async with asyncio.TaskGroup() as group:
                group.create_task(self._begin())
                group.create_task(self._go_on())
        finally:
            self._nodes.remove_handler(self._notice)

    def _notice(self, changes: Sequence[Change]) -> None:
        for change in changes:
            metadata = change.obj["metadata"]
            name, uid = metadata["name"], metadata["uid"]
            if change.new is None or not is_fake(change.new):
                self._uids.pop(name, None)
                self._leases.pop(name, None)
            elif self._uids.get(name) != uid:
                self._uids[name] = uid
                self._begin_with(name)

    def _begin_with(self, name: str) -> None:
        self._leases.pop(name, None)
        self._new[name] = None
        self._wake.set()

    async def _begin(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            names, self._new = [*self._new], {}
            for start in range(0, len(names), AT_ONCE):
                await self._renew_all(names[start : start + AT_ONCE])

    async def _go_on(self) -> None:
        while True:
            names = [*self._leases]
            ticks = max(1, min(TICKS, len(names)))
            for tick in range(ticks):
                await asyncio.sleep(self._period / ticks)  # a heartbeat is a matter of time alone
                await self._renew_all(names[tick::ticks])

    async def _renew_all(self, names: Sequence[str]) -> None:
        """Together, so that a loaded server delays them no more than one."""
        async with asyncio.TaskGroup() as group:
            for name in names:
                group.create_task(self._renew(name))

    async def _renew(self, name: str) -> None:
        """A beat that fails is tried again soon."""
        if name not in self._uids:
            return
        renewed = {
            "holderIdentity": name,
            "leaseDurationSeconds": DURATION,
            "renewTime": format_micro_time(self._clock.now()),
        }
        known = self._leases.get(name)
        try:
            if known is not None:
                lease = await self._client.update(LEASES, {**known, "spec": renewed}, NAMESPACE)
            else:
                lease = await self._take(name, renewed)
        except StatusError as error:
            if name in self._uids:
                log.info("cannot renew the Lease of %s: %s", name, error.message)
                self._clock.call_later(RETRY_AFTER, lambda: self._begin_with(name))
        else:
            if name in self._uids:
                self._leases[name] = lease

    async def _take(self, name: str, spec: Obj) -> Obj:
        """The node's Lease, made, or taken over from an earlier run."""
        owner = {"apiVersion": "v1", "kind": "Node", "name": name, "uid": self._uids[name]}
        metadata = {"name": name, "namespace": NAMESPACE, "ownerReferences": [owner]}
        lease = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": metadata, "spec": spec}
        try:
            return await self._client.create(LEASES, lease, NAMESPACE)
        except StatusError as error:
            if error.reason != "AlreadyExists":
                raise
        present = await self._client.get(LEASES, name, NAMESPACE)
        taken = {**present, "metadata": {**present["metadata"], "ownerReferences": [owner]}, "spec": spec}
        return await self._client.update(LEASES, taken, NAMESPACE)
