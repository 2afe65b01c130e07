"""Lets one of several servers do what only one may do: a Lease that the leader renews (client-go's leaderelection).

    standby --lease free or expired--> leading --not renewed in time--> standby
                                          | runs the wrapped component

A lease expires by the observer's own clock: `lease_duration` after it last saw the record change, so clocks of
different machines need not agree. Several servers need it; a single one may do without.
"""

import asyncio
import logging
import random
from collections.abc import Callable
from dataclasses import dataclass

from minik.api.status import StatusError
from minik.api.types import Obj
from minik.client.client import Client
from minik.client.clock import Clock, SystemClock, format_micro_time
from minik.client.resources import LEASES
from minik.supervisor import Component

log = logging.getLogger("minik.leader-election")

JITTER = 1.2


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds; kube-controller-manager's defaults."""

    lease_duration: float = 15.0
    renew_deadline: float = 10.0
    retry_period: float = 2.0


def claim(lease: Obj | None, identity: str, name: str, namespace: str, now: str, timing: Timing) -> Obj:
    """The Lease that says `identity` leads. `now` is a MicroTime."""
    spec = dict((lease or {}).get("spec", {}))
    if spec.get("holderIdentity") != identity:
        # a lease seen for the first time is no transition
        spec["leaseTransitions"] = spec.get("leaseTransitions", 0) + 1 if lease is not None else 0
        spec["acquireTime"] = now
    spec |= {"holderIdentity": identity, "leaseDurationSeconds": int(timing.lease_duration), "renewTime": now}
    if lease is None:
        lease = {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": name, "namespace": namespace},
        }
    return {**lease, "spec": spec}


class LeaderElector:
    """Holds one Lease for `identity`."""

    def __init__(
        self,
        client: Client,
        lease_name: str,
        identity: str,
        *,
        namespace: str = "kube-system",
        timing: Timing | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._client = client
        self._name, self._namespace, self._identity = lease_name, namespace, identity
        self.timing = timing or Timing()
        self._clock: Clock = clock or SystemClock()
        self._observed: Obj | None = None
        self._observed_at = 0.0

    async def acquire(self) -> None:
        """Returns once this identity leads."""
        await self._until_done("acquire")
        log.info("%s: %s leads", self._name, self._identity)

    async def hold(self) -> None:
        """Renews; returns when the lease was lost or could not be renewed in time."""
        while True:
            await asyncio.sleep(self.timing.retry_period)
            try:
                async with asyncio.timeout(self.timing.renew_deadline):
                    await self._until_done("renew")
            except TimeoutError:
                log.error("%s: %s no longer leads", self._name, self._identity)
                return

    async def release(self) -> None:
        """Give the lease up so that another need not wait for its end."""
        lease = self._observed
        if lease is None or lease["spec"].get("holderIdentity") != self._identity:
            return
        spec = {**lease["spec"], "holderIdentity": "", "leaseDurationSeconds": 1}
        try:
            await self._client.update(LEASES, {**lease, "spec": spec}, self._namespace)
        except (StatusError, OSError) as error:
            log.debug("%s: not released: %s", self._name, error)

    async def _until_done(self, doing: str) -> None:
        while True:
            if await self._try(doing):
                return
            await asyncio.sleep(self.timing.retry_period * random.uniform(1.0, JITTER))

    async def _try(self, doing: str) -> bool:
        try:
            return await self._acquire_or_renew()
        except StatusError as error:
            if error.code != 409:
                log.warning("%s: could not %s: %s", self._name, doing, error.message)
        except (ConnectionError, TimeoutError, OSError) as error:
            log.warning("%s: could not %s: %r", self._name, doing, error)
        return False

    async def _acquire_or_renew(self) -> bool:
        try:
            lease: Obj | None = await self._client.get(LEASES, self._name, self._namespace)
        except StatusError as error:
            if error.code != 404:
                raise
            lease = None
        if lease is not None:
            self._observe(lease)
            if self._held_by_another(lease):
                return False
        now = format_micro_time(self._clock.now())
        wanted = claim(lease, self._identity, self._name, self._namespace, now, self.timing)
        if lease is None:
            stored = await self._client.create(LEASES, wanted, self._namespace)
        else:
            stored = await self._client.update(LEASES, wanted, self._namespace)
        self._observe(stored)
        return True

    def _observe(self, lease: Obj) -> None:
        if self._observed is None or self._observed.get("spec") != lease.get("spec"):
            self._observed_at = self._clock.monotonic()
        self._observed = lease

    def _held_by_another(self, lease: Obj) -> bool:
        spec = lease.get("spec", {})
        holder = spec.get("holderIdentity", "")
        lasts = spec.get("leaseDurationSeconds", self.timing.lease_duration)
        expired = self._clock.monotonic() - self._observed_at >= lasts
        return bool(holder) and holder != self._identity and not expired


class LeaderElected:
    """A component that runs another, built by `build` at the first turn, only while this identity leads."""

    def __init__(self, name: str, elector: LeaderElector, build: Callable[[], Component]) -> None:
        self.name = name
        self._elector = elector
        self._build = build
        self._component: Component | None = None

    async def run(self, ready: asyncio.Event) -> None:
        ready.set()  # standing by is all that others may wait for
        while True:
            await self._elector.acquire()
            self._component = self._component or self._build()
            held = asyncio.create_task(self._elector.hold(), name=f"{self.name} lease")
            led = asyncio.create_task(self._component.run(asyncio.Event()), name=self.name)
            try:
                await asyncio.wait([held, led], return_when=asyncio.FIRST_COMPLETED)
            finally:
                held.cancel()
                led.cancel()
                results = await asyncio.gather(held, led, return_exceptions=True)
                await self._elector.release()
            for result in results:
                if isinstance(result, Exception):
                    raise result
