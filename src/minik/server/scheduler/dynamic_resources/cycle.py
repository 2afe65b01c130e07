"""Claims in one scheduling cycle: which must be allocated, with what, on which node; and then writing it down.

Between the decision and its writing other cycles run, so what was decided is counted as in use from `reserve` on.
"""

import asyncio
import logging
import time
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from minik.api.cel.duration import parse_duration
from minik.api.status import StatusError
from minik.api.types import Obj
from minik.client.clock import format_time
from minik.client.informer import Change, Informer
from minik.client.resources import DEVICE_CLASSES, PODS, RESOURCE_CLAIMS, RESOURCE_SLICES
from minik.server.scheduler.dynamic_resources import claims as rules
from minik.server.scheduler.dynamic_resources import extended
from minik.server.scheduler.dynamic_resources.allocator import allocate
from minik.server.scheduler.dynamic_resources.pools import Inventory, Pool
from minik.server.scheduler.dynamic_resources.requests import AllocationError, asks_of
from minik.server.scheduler.dynamic_resources.results import result_of
from minik.server.scheduler.dynamic_resources.selectors import Selectors
from minik.server.scheduler.dynamic_resources.usage import Usage, usage_of
from minik.server.scheduler.framework import Code, Refusal
from minik.server.scheduler.handle import Handle
from minik.server.scheduler.node_info import NodeInfo, PodInfo

log = logging.getLogger("minik.scheduler")

_NOT_HERE = Refusal(("resourceclaim not available on the node",), Code.UNRESOLVABLE)
_NOT_ENOUGH = Refusal(("cannot allocate all claims",), Code.UNRESOLVABLE)
_RETRIES = 5


@dataclass(slots=True)
class Cycle:
    """A Pod's claims. `chosen` is filled by filter: node -> claim uid -> AllocationResult.

    `extended` resources are backed by devices (resource -> class) where the node has none of them itself: those are
    in `made`, by node, and the result of the claim that is made for them is under the Pod's own uid.
    """

    claims: Sequence[Obj]
    pending: Sequence[Obj]  # those not allocated
    usage: Usage
    extended: Mapping[str, str] = field(default_factory=dict)
    chosen: dict[str, dict[str, Obj]] = field(default_factory=dict)
    made: dict[str, Mapping[str, str]] = field(default_factory=dict)
    created: str = ""  # name of that claim
    inventory: Inventory | None = None
    unavailable: dict[str, Obj] = field(default_factory=dict)  # allocated for other nodes than one that was asked about

    def with_alternatives(self) -> Sequence[Obj]:
        """The claims to be allocated that would take one thing or another."""
        return [
            claim
            for claim in self.pending
            if any(one.get("firstAvailable") for one in (claim["spec"].get("devices") or {}).get("requests") or ())
        ]

    def preference(self, claims: Sequence[Obj], node_name: str) -> int:
        """What these claims get on a node: the first alternative of a request counts most."""
        chosen = self.chosen.get(node_name) or {}
        return sum(rules.preference(claim, chosen.get(claim["metadata"]["uid"]) or {}) for claim in claims)


class Allocations:
    """Decides and writes allocations. One for the life of the scheduler."""

    def __init__(self, handle: Handle, arguments: Obj, rules: Informer | None) -> None:
        """`rules`: the DeviceTaintRules, where they are served."""
        self._client, self._clock = handle.client, handle.clock
        self._claims: Informer = handle.informers.of(RESOURCE_CLAIMS)
        self._slices: Informer = handle.informers.of(RESOURCE_SLICES)
        self._classes: Informer = handle.informers.of(DEVICE_CLASSES)
        self._rules = rules
        self._selectors = Selectors()
        # claim uid -> AllocationResult decided but not seen in the cache yet
        self._in_flight: dict[str, Obj] = handle.shared("DynamicResources", dict)
        self._filter_seconds = parse_duration(arguments["filterTimeout"]).total_seconds()
        self._binding_seconds = parse_duration(arguments["bindingTimeout"]).total_seconds()

    # -- waiting

    def missing(self, pod: Obj) -> str:
        """The claim that the Pod has to wait for before anything else; "" when all are there."""
        for wanted in rules.wanted_claims(pod):
            claim = self._claims.get(wanted.name, pod["metadata"]["namespace"]) if wanted.name else None
            text = rules.missing(wanted, claim) or (rules.unusable(pod, wanted, claim) if claim else "")
            if text:
                return text
        return ""

    def may_help(self, pod: PodInfo, old: Obj | None, new: Obj | None) -> bool:
        """Whether a change of a claim may let the Pod fit: devices are free again, or the claim is the Pod's."""
        if new is None or (old is not None and rules.allocation(old) is not None and rules.allocation(new) is None):
            return old is not None and rules.allocation(old) is not None
        names = {wanted.name for wanted in rules.wanted_claims(pod.obj)}
        if new["metadata"]["namespace"] != pod.namespace or new["metadata"]["name"] not in names:
            return False
        return (old is None or old.get("status") != new.get("status")) and not self.missing(pod.obj)

    # -- deciding

    def start(self, pod: PodInfo) -> Cycle | Refusal | None:
        """The cycle of a Pod, or why it fits nowhere; None when it has no claims after all."""
        found: list[Obj] = []
        for wanted in rules.wanted_claims(pod.obj):
            claim = self._claims.get(wanted.name, pod.namespace) if wanted.name else None
            text = rules.missing(wanted, claim) or (rules.problem(pod.obj, wanted, claim) if claim else "")
            if text:
                return Refusal((text,), Code.UNRESOLVABLE)
            if claim is not None and claim not in found:
                found.append(claim)
        backed = extended.classes_of(pod.requests, self._classes.list())
        if not found and not backed:
            return None
        pending = [claim for claim in found if rules.allocation(claim) is None]
        if any(claim["metadata"]["uid"] in self._in_flight for claim in pending):
            return Refusal(("waiting for the allocation of a resourceclaim to be written",))
        try:
            for claim in pending:
                asks_of(claim, self._classes.get)
        except AllocationError as error:
            return Refusal((str(error),), Code.UNRESOLVABLE)
        return Cycle(found, pending, self._usage() if pending or backed else Usage(), backed)

    def _usage(self) -> Usage:
        listed = {claim["metadata"]["uid"]: rules.allocation(claim) for claim in self._claims.list()}
        for uid, decided in self._in_flight.items():
            listed[uid] = listed.get(uid) or decided
        return usage_of(given for given in listed.values() if given is not None)

    def refusal(self, cycle: Cycle, pod: PodInfo, node: NodeInfo) -> Refusal | None:
        if node.node is None:
            return _NOT_ENOUGH
        away = False
        for claim in cycle.claims:
            given = rules.allocation(claim)
            if given is not None and not rules.is_available(given, node.node):
                cycle.unavailable[claim["metadata"]["uid"]] = claim
                away = True
        if away:
            return _NOT_HERE
        missing = extended.missing_on(node.allocatable, cycle.extended)
        if node.name in cycle.chosen or not (cycle.pending or missing):
            return None
        wanted = {claim["metadata"]["uid"]: claim for claim in cycle.pending}
        if missing:
            cycle.made[node.name] = missing
            wanted[pod.uid] = extended.claim_for(pod.obj, missing)
        return self._allocate(cycle, wanted, node.name, self._inventory(cycle).pools_for(node.node))

    def _inventory(self, cycle: Cycle) -> Inventory:
        if cycle.inventory is None:
            rules = self._rules.list() if self._rules is not None else ()
            cycle.inventory = Inventory(self._slices.list(), rules)
        return cycle.inventory

    def _allocate(
        self, cycle: Cycle, wanted: Mapping[str, Obj], node_name: str, pools: Sequence[Pool]
    ) -> Refusal | None:
        until = time.monotonic() + self._filter_seconds if self._filter_seconds else None
        try:
            found = allocate(
                [*wanted.values()],
                self._classes.get,
                pools,
                cycle.usage,
                self._selectors,
                out_of_time=lambda: until is not None and time.monotonic() > until,
            )
        except AllocationError as error:
            return Refusal((str(error),), Code.UNRESOLVABLE)
        if found is None:
            return _NOT_ENOUGH
        cycle.chosen[node_name] = {
            uid: result_of(claim, chosen, node_name, lambda: str(uuid.uuid4()))
            for (uid, claim), chosen in zip(wanted.items(), found, strict=True)
        }
        return None

    # -- keeping

    def forget(self) -> None:
        self._in_flight.clear()

    def reserve(self, cycle: Cycle, node_name: str) -> None:
        self._in_flight.update(cycle.chosen.get(node_name) or {})

    async def unreserve(self, cycle: Cycle, pod: PodInfo, node_name: str) -> None:
        """Take back what was decided, and what of it was written."""
        for uid in cycle.chosen.get(node_name) or {}:
            self._in_flight.pop(uid, None)
        if cycle.created:
            await self._unmake(cycle.created, pod.namespace)
            cycle.created = ""
        for claim in cycle.claims:
            current = self._claims.get(claim["metadata"]["name"], pod.namespace)
            changed = rules.released(current, pod.obj) if current is not None else None
            if changed is not None:
                await self._try_update(changed)

    async def write(self, cycle: Cycle, pod: PodInfo, node_name: str) -> None:
        """Allocate and reserve the claims for the Pod, then wait for what their devices need. Raises StatusError."""
        decided = cycle.chosen.get(node_name) or {}
        names = [claim["metadata"]["name"] for claim in cycle.claims]
        for claim in cycle.claims:
            await self._write(claim, pod, decided.get(claim["metadata"]["uid"]))
        if pod.uid in decided:
            names.append(await self._make(cycle, pod, node_name, decided[pod.uid]))
        await self._wait_seen(names, pod)
        for uid in decided:
            self._in_flight.pop(uid, None)

    async def _make(self, cycle: Cycle, pod: PodInfo, node_name: str, given: Obj) -> str:
        """Create the claim for the Pod's extended resources, and tell the kubelet; its name."""
        missing = cycle.made[node_name]
        claim = await self._client.create(RESOURCE_CLAIMS, extended.claim_for(pod.obj, missing), pod.namespace)
        name: str = claim["metadata"]["name"]
        try:
            await self._write(claim, pod, given)
            status = {"extendedResourceClaimStatus": extended.pod_status(pod.obj, missing, name)}
            await self._client.patch(PODS, pod.name, {"status": status}, pod.namespace, subresource="status")
        except StatusError:
            await self._unmake(name, pod.namespace)
            raise
        cycle.created = name
        return name

    async def _unmake(self, name: str, namespace: str) -> None:
        """Delete the claim that was made for extended resources: the next try may need another one."""
        try:
            claim = await self._client.get(RESOURCE_CLAIMS, name, namespace)
            if rules.allocation(claim) is not None:
                changed = rules.deallocated(claim)
                claim = await self._client.update(RESOURCE_CLAIMS, changed, namespace, subresource="status")
            await self._client.update(RESOURCE_CLAIMS, rules.without_finalizer(claim), namespace)
            await self._client.delete(RESOURCE_CLAIMS, name, namespace)
        except (StatusError, ConnectionError) as error:
            log.warning("claim %s was not deleted: %s", name, error)

    async def _write(self, claim: Obj, pod: PodInfo, given: Obj | None) -> None:
        name, uid = claim["metadata"]["name"], claim["metadata"]["uid"]
        for attempt in range(_RETRIES):
            try:
                kept = rules.with_finalizer(claim) if given is not None else None
                if kept is not None:
                    claim = await self._client.update(RESOURCE_CLAIMS, kept, pod.namespace)
                changed = rules.reserved(claim, pod.obj, given, format_time(self._clock.now()))
                if changed is not None:
                    await self._client.update(RESOURCE_CLAIMS, changed, pod.namespace, subresource="status")
                return
            except StatusError as error:
                if error.code != 409 or attempt == _RETRIES - 1:
                    raise
            claim = await self._client.get(RESOURCE_CLAIMS, name, pod.namespace)
            self._check_unchanged(claim, uid, given)

    def _check_unchanged(self, claim: Obj, uid: str, given: Obj | None) -> None:
        """Raises StatusError when somebody else changed what was decided on."""
        found = rules.allocation(claim)
        changed = found is not None if given is not None else found is None
        if claim["metadata"]["uid"] != uid or changed:
            raise StatusError(409, "Conflict", f"claim {claim['metadata']['name']} was changed meanwhile")

    async def _wait_seen(self, names: Iterable[str], pod: PodInfo) -> None:
        """Until the cache shows the allocations and devices are ready for binding."""
        changed = asyncio.Event()

        def look(_: Sequence[Change]) -> None:
            changed.set()

        wanted = list(names)
        self._claims.add_handler(look)
        try:
            async with asyncio.timeout(self._binding_seconds):
                while not all([self._is_ready(name, pod) for name in wanted]):
                    await changed.wait()
                    changed.clear()
        except TimeoutError:
            await self._give_up(wanted, pod)
            raise StatusError(504, "Timeout", "device binding timeout") from None
        except StatusError:
            await self._give_up(wanted, pod)
            raise
        finally:
            self._claims.remove_handler(look)

    def _is_ready(self, name: str, pod: PodInfo) -> bool:
        """Raises StatusError when a device failed."""
        claim = self._claims.get(name, pod.namespace)
        if claim is None:
            raise StatusError(409, "Conflict", f'resourceclaim "{name}" not found')
        if not rules.is_reserved(claim, pod.obj):
            return False
        ready, failure = rules.binding_state(claim)
        if failure:
            raise StatusError(409, "Conflict", failure)
        return ready

    async def _give_up(self, names: Iterable[str], pod: PodInfo) -> None:
        """Devices that would not get ready are given back, so that the next try may choose others."""
        for name in names:
            claim = self._claims.get(name, pod.namespace)
            if claim is not None and rules.allocation(claim) is not None and rules.is_idle(claim, pod.obj):
                await self._try_update(rules.deallocated(claim))

    async def _try_update(self, claim: Obj) -> None:
        """A claim that changed meanwhile is looked at again in the next cycle."""
        try:
            await self._client.update(RESOURCE_CLAIMS, claim, claim["metadata"]["namespace"], subresource="status")
        except (StatusError, ConnectionError) as error:
            log.warning("claim %s was not freed: %s", claim["metadata"]["name"], error)

    # -- freeing

    async def free_one(self, cycle: Cycle, pod: PodInfo) -> bool:
        """Deallocate an idle claim that keeps the Pod from other nodes. Says whether there was one."""
        for claim in cycle.unavailable.values():
            if rules.is_idle(claim, pod.obj):
                await self._try_update(rules.deallocated(claim))
                return True
        return False
