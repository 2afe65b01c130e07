"""Registers the Node and keeps it reported: a Lease every 10 s, the status when it changes or every 5 min.

https://kubernetes.io/docs/concepts/architecture/nodes/#heartbeats
"""

import asyncio
import contextlib
import logging
import random
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from minik.agent.kubelet import machine, node_status
from minik.agent.kubelet.config import KubeletSettings
from minik.agent.kubelet.node_events import NodeEvents
from minik.agent.kubelet.node_status import Pressure
from minik.agent.kubelet.runtime import Runtime
from minik.agent.kubelet.runtime_types import CRIError, Image, RuntimeCondition, RuntimeHandler, RuntimeVersion
from minik.api.status import StatusError
from minik.api.types import Obj
from minik.client.client import STRATEGIC_MERGE_PATCH, Client
from minik.client.clock import format_micro_time, format_time
from minik.client.resources import LEASES, NODES

log = logging.getLogger("minik.kubelet")

LEASE_NAMESPACE = "kube-node-lease"
FIRST_BACKOFF, LONGEST_BACKOFF = 0.1, 7.0  # seconds
NOT_READY_PAUSE, LONGEST_NOT_READY_PAUSE = 0.05, 2.0  # seconds between looks at a runtime that is not ready


class NodeReporter:
    """One node's voice. `pressure` tells the node's pressures when asked."""

    def __init__(
        self,
        client: Client,
        runtime: Runtime,
        settings: KubeletSettings,
        node_name: str,
        ips: Sequence[str],
        pressure: Callable[[], Pressure],
        became_ready: Callable[[], None],
        events: NodeEvents,
    ) -> None:
        self._client = client
        self._runtime = runtime
        self._settings = settings
        self._name = node_name
        self._ips = ips
        self._pressure = pressure
        self._became_ready = became_ready
        self._events = events
        self.problem = "container runtime status check may not have completed yet"  # why it is not ready; "" if it is
        self._machine = machine.read_machine()
        self._version = RuntimeVersion("containerd", "Unknown")
        self.handlers: list[RuntimeHandler] = []
        self._images: list[Image] = []
        self._images_stale = True
        self._changed = asyncio.Event()
        self._last: Obj = {}  # the status the API has
        self._last_full = float("-inf")  # monotonic
        self._lease: Obj | None = None
        self.node: Obj = {}

    @property
    def machine(self) -> machine.Machine:
        return self._machine

    def images_changed(self) -> None:
        self._images_stale = True

    def look_again(self) -> None:
        """Something may have changed: report at once if so."""
        self._changed.set()

    def seen(self, node: Obj) -> None:
        """The Node as the API has it, where others may have changed its amounts."""
        self._events.seen(node)
        told, known = node.get("status") or {}, self._last
        amounts = {name: told.get(name) or {} for name in ("capacity", "allocatable")}
        if any(known.get(name) != amount for name, amount in amounts.items()):
            self._last = {**known, **amounts}
            self.look_again()

    # -- registering

    async def register(self) -> None:
        """Create the Node, or bring its labels and status up to date; keeps trying until the API answers."""
        backoff = FIRST_BACKOFF
        while True:
            try:
                await self._register_once()
                return
            except StatusError as error:
                log.warning("cannot register node %s: %s", self._name, error.message)
            except (ConnectionError, TimeoutError, OSError) as error:
                log.info("cannot register node %s yet: %r", self._name, error)
            await asyncio.sleep(backoff)
            backoff = min(backoff * 2, LONGEST_BACKOFF)

    async def _register_once(self) -> None:
        with contextlib.suppress(CRIError):
            self._version = await self._runtime.version()
            self.handlers = await self._runtime.runtime_handlers()
        status = await self._make_status([])
        if self._settings.register_node:
            try:
                wanted = node_status.new_node(self._name, self._settings, status)
                self.node = await self._client.create(NODES, wanted)
                self._remember(self.node)
                log.info("registered node %s", self._name)
                self._events.conditions_changed((), status["conditions"])
                return
            except StatusError as error:
                if error.reason != "AlreadyExists":
                    raise
        self.node = await self._client.get(NODES, self._name)
        self._last = self.node.get("status") or {}
        self._events.booted((self._last.get("nodeInfo") or {}).get("bootID", ""), status["nodeInfo"]["bootID"])
        pressures = [condition for condition in status["conditions"] if condition["type"] != "Ready"]
        self._events.conditions_changed((), pressures)
        await self._relabel()
        await self._send(full=True)

    async def _relabel(self) -> None:
        """An existing Node keeps its taints and cordon; only labels that the kubelet owns are set."""
        wanted = node_status.labels(self._name, self._settings)
        present = self.node["metadata"].get("labels") or {}
        changed = {key: value for key, value in wanted.items() if present.get(key) != value}
        if changed:
            await self._client.patch(
                NODES, self._name, {"metadata": {"labels": changed}}, patch_type=STRATEGIC_MERGE_PATCH
            )

    def _remember(self, node: Obj) -> None:
        self._last = node.get("status") or {}
        self._last_full = time.monotonic()

    # -- status

    async def run_status(self) -> None:
        """Report changes at once (at most every `node_status_update_frequency`), everything every 5 min."""
        settings, impatient = self._settings, NOT_READY_PAUSE
        while True:
            period = settings.node_status_update_frequency
            try:
                due = time.monotonic() - self._last_full >= settings.node_status_report_frequency
                self._images_stale = self._images_stale or due
                await self._send(full=due)
            except StatusError as error:
                if error.code == 404:
                    await self.register()
                log.warning("cannot report the node's status: %s", error.message)
            except (ConnectionError, TimeoutError, OSError) as error:
                log.warning("cannot report the node's status: %r", error)
            if self.problem:
                period = impatient = min(impatient * 1.5, LONGEST_NOT_READY_PAUSE)
            else:
                impatient = NOT_READY_PAUSE
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(period):
                    await self._changed.wait()
            self._changed.clear()

    async def _send(self, *, full: bool) -> None:
        made = await self._make_status(self._last.get("conditions") or [])
        status = node_status.with_extended(made, self._last)
        patch = node_status.status_patch({} if full else self._last, status)
        if patch:
            body = {"status": patch}
            node = await self._client.patch(
                NODES, self._name, body, patch_type=STRATEGIC_MERGE_PATCH, subresource="status"
            )
            self.node = node
            self._events.conditions_changed(self._last.get("conditions") or (), made["conditions"])
            self._remember(node)

    async def _make_status(self, old_conditions: Sequence[Obj]) -> Obj:
        disk = machine.filesystem(self._settings.root_dir)
        told: list[RuntimeCondition] | None = None
        try:
            told = await self._runtime.conditions()
            if self._version.version == "Unknown":
                self._version = await self._runtime.version()
            if self._images_stale:
                self._images = await self._runtime.images()
                self._images_stale = False
        except CRIError as error:
            log.debug("the runtime does not answer: %s", error)
        before, self.problem = self.problem, node_status.why_not_ready(told)
        if before and not self.problem:
            self._became_ready()
        now = format_time(datetime.now(UTC))
        status: Obj = {
            "capacity": node_status.capacity(self._machine, disk, self._settings),
            "allocatable": node_status.allocatable(self._machine, disk, self._settings),
            "conditions": node_status.conditions(self._pressure(), self.problem, old_conditions, now),
            "addresses": node_status.addresses(self._ips, self._name),
            "daemonEndpoints": {"kubeletEndpoint": {"Port": self._settings.port}},
            "nodeInfo": node_status.node_info(self._machine, self._version),
            "images": node_status.node_images(self._images),
        }
        if self.handlers:
            status["runtimeHandlers"] = node_status.runtime_handlers(self.handlers)
        return status

    # -- lease

    async def run_lease(self) -> None:
        """Renew the node's Lease; late renewals are tried again soon."""
        period = self._settings.node_lease_duration / 4
        backoff = FIRST_BACKOFF
        while True:
            try:
                await self._renew()
                backoff = FIRST_BACKOFF
                await asyncio.sleep(period * random.uniform(0.98, 1.02))
                continue
            except StatusError as error:
                self._lease = None
                log.info("cannot renew the node's lease: %s", error.message)
            except (ConnectionError, TimeoutError, OSError) as error:
                log.warning("cannot renew the node's lease: %r", error)
            await asyncio.sleep(backoff)
            backoff = min(backoff * 2, LONGEST_BACKOFF)

    async def _renew(self) -> None:
        now = format_micro_time(datetime.now(UTC))
        if self._lease is None:
            try:
                self._lease = await self._client.get(LEASES, self._name, LEASE_NAMESPACE)
            except StatusError as error:
                if error.code != 404:
                    raise
                lease = {
                    "apiVersion": "coordination.k8s.io/v1",
                    "kind": "Lease",
                    "metadata": {"name": self._name, "namespace": LEASE_NAMESPACE, "ownerReferences": self._owner()},
                    "spec": self._lease_spec(now),
                }
                self._lease = await self._client.create(LEASES, lease, LEASE_NAMESPACE)
                return
        metadata = {**self._lease["metadata"]}
        if not metadata.get("ownerReferences"):
            metadata["ownerReferences"] = self._owner()
        renewed = {**self._lease, "metadata": metadata, "spec": self._lease_spec(now)}
        self._lease = await self._client.update(LEASES, renewed, LEASE_NAMESPACE)

    def _lease_spec(self, now: str) -> Obj:
        return {
            "holderIdentity": self._name,
            "leaseDurationSeconds": self._settings.node_lease_duration,
            "renewTime": now,
        }

    def _owner(self) -> list[Obj]:
        uid = (self.node.get("metadata") or {}).get("uid")
        return [{"apiVersion": "v1", "kind": "Node", "name": self._name, "uid": uid}] if uid else []
