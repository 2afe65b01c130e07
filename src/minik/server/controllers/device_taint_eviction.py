"""Deletes Pods that use devices with NoExecute taints they do not tolerate, or no longer.

Taints come from ResourceSlices and, where they are served, from DeviceTaintRules. Keys are "pod:<namespace>/<name>"
and "rule:<name>"; the status of rules is written at most every `RULE_PERIOD`.
"""

import asyncio
from collections.abc import Iterable, Sequence

from minik.api.status import StatusError
from minik.api.types import Obj
from minik.client.client import APPLY_PATCH, STRATEGIC_MERGE_PATCH, Client
from minik.client.clock import format_time
from minik.client.controller import Controller
from minik.client.events import NORMAL, object_reference
from minik.client.informer import Change, Informer, object_key
from minik.client.resources import PODS, RESOURCE_CLAIMS, RESOURCE_SLICES
from minik.server.controllers import device_taints_plan as plan
from minik.server.controllers.context import ControllerContext
from minik.server.controllers.objects import condition_of, is_deleting
from minik.server.controllers.pods import disruption_target
from minik.server.controllers.resource_claims_plan import claim_keys, consumers, is_done

RULE_PERIOD = 10.0  # seconds, as upstream
_POD, _RULE = "pod:", "rule:"
_POOL = "pool"


class DeviceTaintEvictionController(Controller):
    name = "device-taint-eviction-controller"
    workers = 2

    def __init__(self, context: ControllerContext) -> None:
        super().__init__(clock=context.clock)
        self._context = context
        self._client: Client = context.client_for("device-taint-eviction-controller")
        self._recorder = context.events.recorder(self.name)
        self._scheduled: set[str] = set()  # Pods that know they have to go later
        self._evicted: dict[str, int] = {}  # rule -> Pods it took away
        self._written: dict[str, float] = {}  # rule -> when its status was written, monotonic
        self._rules: Informer | None = None
        informers = context.informers
        self._pods = self.watch(informers.of(PODS), self._keys_of_pod)
        self._claims = self.watch(informers.of(RESOURCE_CLAIMS), lambda change: _users(change.obj))
        self._slices = self.watch(informers.of(RESOURCE_SLICES, indexes={_POOL: _pool_of}), self._keys_of_slice)

    async def run(self, ready: asyncio.Event) -> None:
        if self._rules is None:
            served = (await self._context.discover()).resources
            rules = next((each.gvr for each in served if each.gvr.resource == "devicetaintrules"), None)
            if rules is not None:
                self._rules = self.watch(self._context.informers.of(rules), self._keys_of_rule)
        await super().run(ready)

    # -- what wakes it

    def _keys_of_pod(self, change: Change) -> Iterable[str]:
        """None: what makes a Pod go are its claims; one that went need not be told any more."""
        if change.new is None:
            self._scheduled.discard(object_key(change.obj))
        return ()

    def _keys_of_slice(self, change: Change) -> Iterable[str]:
        slices = [each for each in (change.old, change.new) if each is not None]
        if any("taints" in device for each in slices for device in each["spec"].get("devices") or ()):
            pools = {(each["spec"]["driver"], each["spec"]["pool"]["name"]) for each in slices}
            for claim in self._claims.list():
                if any(device[:2] in pools for device, _ in plan.devices_of(claim)):
                    yield from _users(claim)

    def _keys_of_rule(self, change: Change) -> Iterable[str]:
        old, new = change.old, change.new
        if new is None:
            self._evicted.pop(change.obj["metadata"]["name"], None)
            self._written.pop(change.obj["metadata"]["name"], None)
        elif old is None or old["spec"] != new["spec"]:
            self._written.pop(new["metadata"]["name"], None)
            yield _RULE + new["metadata"]["name"]
        if old is None or new is None or old["spec"] != new["spec"]:
            for claim in self._claims.list():
                yield from _users(claim)

    # -- what it does

    async def reconcile(self, key: str) -> float | None:
        if key.startswith(_RULE):
            return await self._report_rule(key.removeprefix(_RULE))
        key = key.removeprefix(_POD)
        pod = self._pods.get_key(key)
        if pod is None or is_done(pod) or is_deleting(pod):
            self._scheduled.discard(key)
            return None
        now = self.clock.now()
        times = [plan.eviction_time(claim, self._taints_of, now) for claim in self._claims_of(pod)]
        due = min((when for when in times if when is not None), default=None)
        about = object_reference("v1", "Pod", pod)
        if due is None:
            if key in self._scheduled:
                self._scheduled.discard(key)
                self._recorder.event(about, NORMAL, "DeviceTaintManagerEviction", "Cancelling deletion")
            return None
        if (left := (due - now).total_seconds()) > 0:
            self._scheduled.add(key)
            return left
        self._recorder.event(about, NORMAL, "DeviceTaintManagerEviction", "Marking for deletion")
        await self._evict(pod)
        return None

    def _claims_of(self, pod: Obj) -> Sequence[Obj]:
        """Those that are reserved for the Pod."""
        found = [self._claims.get_key(key) for key in claim_keys(pod)]
        return [c for c in found if c is not None and any(u["uid"] == pod["metadata"]["uid"] for u in consumers(c))]

    def _taints_of(self, device: plan.Device) -> Iterable[Obj]:
        yield from plan.slice_taints(self._slices.by_index(_POOL, f"{device[0]}/{device[1]}"), device)
        if self._rules is not None:
            yield from plan.rule_taints(self._rules.list(), device)

    async def _evict(self, pod: Obj) -> None:
        metadata = pod["metadata"]
        message = "Device Taint manager: deleting due to NoExecute taint"
        condition = disruption_target(pod, "DeletionByDeviceTaintManager", message, self.clock.now())
        patch = {"metadata": {"uid": metadata["uid"]}, "status": {"conditions": [condition]}}
        name, namespace = metadata["name"], metadata["namespace"]
        responsible = [rule["metadata"]["name"] for rule in self._rules_for(pod)]
        try:
            await self._client.patch(
                PODS, name, patch, namespace, patch_type=STRATEGIC_MERGE_PATCH, subresource="status"
            )
            await self._client.delete(PODS, name, namespace, uid=metadata["uid"])
        except StatusError as error:
            if error.code != 404:
                raise
        for rule in responsible:
            self._evicted[rule] = self._evicted.get(rule, 0) + 1
            self.queue.add_after(_RULE + rule, RULE_PERIOD)

    def _rules_for(self, pod: Obj) -> Sequence[Obj]:
        devices = [device for claim in self._claims_of(pod) for device, _ in plan.devices_of(claim)]
        rules = self._rules.list() if self._rules is not None else ()
        return [rule for rule in rules if any(plan.rule_taints([rule], device) for device in devices)]

    async def _report_rule(self, name: str) -> float | None:
        """The rule's status; the seconds until it may be written again."""
        rule = self._rules.get(name) if self._rules is not None else None
        if rule is None or self._rules is None:
            return None
        now = self.clock.monotonic()
        if (left := self._written.get(name, now - RULE_PERIOD) + RULE_PERIOD - now) > 0:
            return left
        reach = self._reach(rule)
        condition = plan.rule_condition(rule, reach)
        present = condition_of(rule, condition["type"])
        if present is None or any(present.get(field) != value for field, value in condition.items()):
            await self._write(rule, condition)
            self._written[name] = now
        return RULE_PERIOD if reach.pending and plan.is_evicting(rule) else None

    def _reach(self, rule: Obj) -> plan.Reach:
        evicting, now = plan.as_evicting(rule), self.clock.now()
        hit: set[str] = set()
        allocated = 0
        for claim in self._claims.list():
            allocated += sum(plan.selects(rule, device) for device, _ in plan.devices_of(claim))
            if plan.eviction_time(claim, lambda device: plan.rule_taints([evicting], device), now) is not None:
                hit.update(key.removeprefix(_POD) for key in _users(claim))
        pods = [pod for key in hit if (pod := self._pods.get_key(key)) is not None]
        return plan.Reach(
            pending=[pod for pod in pods if not is_deleting(pod) and not is_done(pod)],
            published=plan.published(self._slices.list(), rule),
            allocated=allocated,
            evicted=self._evicted.get(rule["metadata"]["name"], 0),
        )

    async def _write(self, rule: Obj, condition: Obj) -> None:
        assert self._rules is not None
        resource, metadata = self._rules.resource, rule["metadata"]
        applied = {
            "apiVersion": resource.api_version,
            "kind": "DeviceTaintRule",
            "metadata": {"name": metadata["name"], "uid": metadata.get("uid", "")},
            "status": {"conditions": [{**condition, "lastTransitionTime": format_time(self.clock.now())}]},
        }
        await self._client.patch(
            resource,
            metadata["name"],
            applied,
            patch_type=APPLY_PATCH,
            subresource="status",
            field_manager=self.name,
            force=True,
        )


def _users(claim: Obj) -> Iterable[str]:
    for consumer in consumers(claim):
        if consumer["resource"] == "pods":
            yield f"{_POD}{claim['metadata']['namespace']}/{consumer['name']}"


def _pool_of(resource_slice: Obj) -> Iterable[str]:
    return (f"{resource_slice['spec']['driver']}/{resource_slice['spec']['pool']['name']}",)
