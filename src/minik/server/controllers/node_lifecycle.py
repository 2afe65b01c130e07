"""Notices nodes that fall silent, says so in their conditions, and taints them so that their Pods move on.

A node lives as long as its Lease in kube-node-lease or its status changes. Renewals only note the time; each node has
one timer, set for when its silence would be too long. Decisions are in node_health.py.
"""

from collections.abc import Iterable
from datetime import timedelta

from minik.api.types import Obj
from minik.client.client import STRATEGIC_MERGE_PATCH, Client
from minik.client.clock import format_time, parse_time
from minik.client.controller import Controller
from minik.client.events import NORMAL, WARNING, object_reference
from minik.client.informer import Change
from minik.client.resources import LEASES, NODES, PODS
from minik.server.controllers import indexes
from minik.server.controllers import node_health as health
from minik.server.controllers.context import ControllerContext
from minik.server.controllers.objects import condition_of, own_copy
from minik.server.controllers.pods import is_finished, is_ready


class NodeLifecycleController(Controller):
    name = "node-lifecycle-controller"
    workers = 8

    def __init__(self, context: ControllerContext) -> None:
        super().__init__(clock=context.clock)
        self._client: Client = context.client_for("node-controller")
        self._recorder = context.events.recorder("node-controller")
        self._settings = context.settings
        self._heard: dict[str, float] = {}  # node -> when it last gave a sign, monotonic
        self._unready: set[str] = set()  # names of nodes
        self._cut_off = False
        self._next_eviction: dict[str, float] = {}  # zone -> when the next node may be evicted
        self._pods = self.watch(context.informers.of(PODS, indexes=indexes.PODS), None)
        self._nodes = self.watch(context.informers.of(NODES), self._keys_of_node)
        self._leases = self.watch(context.informers.of(LEASES, "kube-node-lease"), self._heard_of)

    def _heard_of(self, change: Change) -> Iterable[str]:
        if change.new is not None:
            name = change.obj["metadata"]["name"]
            self._heard[name] = self.clock.monotonic()
            node = self._nodes.get(name)
            if node is not None and health.ready_status(node) == "Unknown":
                yield name

    def _keys_of_node(self, change: Change) -> Iterable[str]:
        old, new = change.old, change.new
        name = change.obj["metadata"]["name"]
        about = object_reference("v1", "Node", change.obj)
        if new is None:
            self._heard.pop(name, None)
            text = f"Node {name} event: Removing Node {name} from Controller"
            self._recorder.event(about, NORMAL, "RemovingNode", text)
        elif old is None:
            text = f"Node {name} event: Registered Node {name} in Controller"
            self._recorder.event(about, NORMAL, "RegisteredNode", text)
        elif _heartbeat(old) != _heartbeat(new):
            self._heard[name] = self.clock.monotonic()
        yield name
        if new is not None and health.ready_status(new) != "True":
            self._unready.add(name)
        else:
            self._unready.discard(name)
        if (old is None or new is None) or health.ready_status(old) != health.ready_status(new):
            yield from tuple(self._unready)  # whether a node may be evicted depends on all the others
            self._watch_for_cut()

    def _watch_for_cut(self) -> None:
        """When the first node is back, the others get all the time again to be heard."""
        cut_off = health.is_cut_off(self._nodes.list())
        if self._cut_off and not cut_off:
            self._heard = dict.fromkeys(self._heard, self.clock.monotonic())
        self._cut_off = cut_off

    async def reconcile(self, key: str) -> float | None:
        node = self._nodes.get(key)
        if node is None:
            return None
        left = self._patience(node)
        never_heard = condition_of(node, "Ready") is None
        if left <= 0 and (never_heard or health.ready_status(node) != "Unknown"):
            node = await self._declare_silent(node)
        again = await self._taint(node)
        if labels := health.missing_labels(node):
            patch = {"metadata": {"labels": labels}}
            await self._client.patch(NODES, key, patch, patch_type=STRATEGIC_MERGE_PATCH)
        if condition_of(node, "Ready") is not None and health.ready_status(node) != "True":
            await self._mark_pods_not_ready(node)
        waits = [wait for wait in (left, again) if wait is not None and wait > 0]
        return min(waits) + 0.01 if waits else None

    def _patience(self, node: Obj) -> float:
        """Seconds until the node's silence is too long."""
        name, now = node["metadata"]["name"], self.clock.monotonic()
        condition = condition_of(node, "Ready")
        if condition is None:
            created = parse_time(node["metadata"]["creationTimestamp"])
            limit = timedelta(seconds=self._settings.node_startup_grace_period)
            return (created + limit - self.clock.now()).total_seconds()
        return self._heard.setdefault(name, now) + self._settings.node_monitor_grace_period - now

    async def _declare_silent(self, node: Obj) -> Obj:
        conditions = health.silenced_conditions(node, self.clock.now())
        changed = {**node, "status": {**(node.get("status") or {}), "conditions": conditions}}
        name = node["metadata"]["name"]
        updated = await self._client.update(NODES, changed, subresource="status")
        if health.ready_status(node) == "True":  # otherwise its kubelet said so itself
            text = f"Node {name} status is now: NodeNotReady"
            self._recorder.event(object_reference("v1", "Node", node), NORMAL, "NodeNotReady", text)
        return updated

    async def _taint(self, node: Obj) -> float | None:
        """Write the taints; the seconds until this node's turn to be evicted, if it has to wait."""
        evict, wait, cut_off = False, None, health.is_cut_off(self._nodes.list())
        if not cut_off and health.ready_status(node) != "True" and not health.has_eviction_taint(node):
            wait = self._turn(node)
            evict = wait == 0
        taints = health.wanted_taints(node, evict=evict, now=self.clock.now(), spare=cut_off)
        if taints is not None:
            changed = {**node, "spec": {**node["spec"], "taints": taints}}
            await self._client.update(NODES, changed)
        return wait

    def _turn(self, node: Obj) -> float | None:
        """0: now; None: not while the zone is as it is."""
        settings, zone, name = self._settings, health.zone_of(node), node["metadata"]["name"]
        others = [other for other in self._nodes.list() if other["metadata"]["name"] != name]
        rate = health.eviction_rate(
            [node, *(other for other in others if health.zone_of(other) == zone)],
            normal=settings.node_eviction_rate,
            reduced=settings.secondary_node_eviction_rate,
            large=settings.large_cluster_size_threshold,
            threshold=settings.unhealthy_zone_threshold,
        )
        if rate == 0:
            return None
        now = self.clock.monotonic()
        if (wait := self._next_eviction.get(zone, now) - now) > 0:
            return wait
        self._next_eviction[zone] = now + 1 / rate
        return 0.0

    async def _mark_pods_not_ready(self, node: Obj) -> None:
        """Services stop sending to Pods that nobody vouches for."""
        for pod in self._pods.by_index(indexes.NODE, node["metadata"]["name"]):
            if not is_ready(pod) or is_finished(pod):
                continue
            changed = own_copy(pod)
            for condition in changed["status"]["conditions"]:
                if condition["type"] == "Ready":
                    condition["status"] = "False"
                    condition["lastTransitionTime"] = format_time(self.clock.now())
            await self._client.update(PODS, changed, pod["metadata"]["namespace"], subresource="status")
            about = object_reference("v1", "Pod", pod)
            self._recorder.event(about, WARNING, "NodeNotReady", "Node is not ready")


def _heartbeat(node: Obj) -> list[str]:
    conditions = (node.get("status") or {}).get("conditions") or ()
    return [condition.get("lastHeartbeatTime", "") for condition in conditions]
