"""Deletes Pods from nodes with NoExecute taints that they do not tolerate, or no longer.

One delayed key per Pod: a run looks how long the Pod may stay and comes back then.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from minik.api.status import StatusError
from minik.api.types import Obj
from minik.client.client import STRATEGIC_MERGE_PATCH, Client
from minik.client.clock import parse_time
from minik.client.controller import Controller
from minik.client.events import NORMAL, object_reference
from minik.client.informer import Change, object_key
from minik.client.resources import NODES, PODS
from minik.server.controllers import indexes
from minik.server.controllers.context import ControllerContext
from minik.server.controllers.node_health import eviction_delay
from minik.server.controllers.objects import is_deleting
from minik.server.controllers.pods import disruption_target, node_name


class TaintEvictionController(Controller):
    name = "taint-eviction-controller"
    workers = 8

    def __init__(self, context: ControllerContext) -> None:
        super().__init__(clock=context.clock)
        self._client: Client = context.client_for("node-controller")
        self._recorder = context.events.recorder(self.name)
        self._scheduled: set[str] = set()  # keys of Pods that were told they must go
        self._seen: dict[str, dict[tuple[str, str], datetime]] = {}  # node -> its NoExecute taints, since when
        self._pods = self.watch(context.informers.of(PODS, indexes=indexes.PODS), self._keys_of_pod)
        self._nodes = self.watch(context.informers.of(NODES), self._keys_of_node)

    def _keys_of_pod(self, change: Change) -> Iterable[str]:
        key, node = object_key(change.obj), self._nodes.get(node_name(change.obj))
        if change.new is None:
            self._scheduled.discard(key)
        elif node is not None and _no_execute(node) and (change.old is None or _matters(change.old, change.new)):
            yield key

    def _keys_of_node(self, change: Change) -> Iterable[str]:
        name, now = change.obj["metadata"]["name"], self.clock.now()
        before = self._seen.get(name, {})
        after = {}
        for taint in _no_execute(change.new) if change.new is not None else ():
            identity = (taint["key"], taint.get("value", ""))
            since = parse_time(taint["timeAdded"]) if taint.get("timeAdded") else now
            after[identity] = before.get(identity, since)
        if after:
            self._seen[name] = after
        else:
            self._seen.pop(name, None)
        if before != after:
            for pod in self._pods.by_index(indexes.NODE, name):
                yield object_key(pod)

    async def reconcile(self, key: str) -> float | None:
        pod = self._pods.get_key(key)
        if pod is None or is_deleting(pod):
            return None
        node = self._nodes.get(node_name(pod))
        taints = _no_execute(node) if node is not None else []
        delay = eviction_delay(pod["spec"].get("tolerations") or (), taints)
        about = object_reference("v1", "Pod", pod)
        if delay is None:
            if key in self._scheduled:
                self._scheduled.discard(key)
                self._recorder.event(about, NORMAL, "TaintManagerEviction", f"Cancelling deletion of Pod {key}")
            return None
        since = max(self._seen.get(node_name(pod), {}).values(), default=self.clock.now())
        left = (since + timedelta(seconds=delay) - self.clock.now()).total_seconds()
        if left > 0:
            self._scheduled.add(key)
            return left
        self._recorder.event(about, NORMAL, "TaintManagerEviction", f"Marking for deletion Pod {key}")
        await self._evict(pod)
        return None

    async def _evict(self, pod: Obj) -> None:
        metadata = pod["metadata"]
        message = "Taint manager: deleting due to NoExecute taint"
        condition = disruption_target(pod, "DeletionByTaintManager", message, self.clock.now())
        patch = {"metadata": {"uid": metadata["uid"]}, "status": {"conditions": [condition]}}
        try:
            await self._client.patch(
                PODS,
                metadata["name"],
                patch,
                metadata["namespace"],
                patch_type=STRATEGIC_MERGE_PATCH,
                subresource="status",
            )
            await self._client.delete(PODS, metadata["name"], metadata["namespace"], uid=metadata["uid"])
        except StatusError as error:
            if error.code != 404:
                raise


def _no_execute(node: Obj) -> list[Obj]:
    return [taint for taint in node["spec"].get("taints") or () if taint["effect"] == "NoExecute"]


def _matters(old: Obj, new: Obj) -> bool:
    return node_name(old) != node_name(new) or old["spec"].get("tolerations") != new["spec"].get("tolerations")
