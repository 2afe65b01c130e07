"""Removes Pods that nothing else will: those of missing nodes, surplus finished ones, deleted ones without a node.

Behaviour: https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#pod-garbage-collection
"""

import asyncio
from collections.abc import Iterable, Sequence

from minik.api.status import StatusError
from minik.api.types import Obj
from minik.client.client import STRATEGIC_MERGE_PATCH, Client
from minik.client.controller import Controller
from minik.client.informer import Change
from minik.client.resources import NODES, PODS
from minik.server.controllers import indexes
from minik.server.controllers.context import ControllerContext
from minik.server.controllers.measures import Tally
from minik.server.controllers.node_health import ready_status
from minik.server.controllers.objects import is_deleting
from minik.server.controllers.pods import disruption_target, is_finished, node_name

QUARANTINE = 40.0  # seconds a node must be missing before its Pods are given up
OUT_OF_SERVICE = "node.kubernetes.io/out-of-service"
BATCH = 50  # Pods deleted at the same time
_FINISHED, _UNSCHEDULED, _NODE = "finished", "unscheduled", "node/"
_LABELS = ("namespace", "reason")


class PodGCController(Controller):
    """Keys are the kinds of rubbish: finished Pods, Pods deleted before they had a node, and `node/<name>`."""

    name = "pod-garbage-collector"
    workers = 2

    def __init__(self, context: ControllerContext) -> None:
        super().__init__(clock=context.clock)
        self._client: Client = context.client_for(self.name)
        self._limit = context.settings.terminated_pod_gc_threshold
        self._missing: dict[str, float] = {}  # node -> since when, monotonic
        self._finished = 0
        self._deleted = Tally(
            "pod_gc_collector_force_delete_pods", "Number of pods that are being forcefully deleted", *_LABELS
        )
        self._errors = Tally(
            "pod_gc_collector_force_delete_pod_errors",
            "Number of errors encountered when forcefully deleting the pods",
            *_LABELS,
        )
        self.measures = (self._deleted, self._errors)
        self._nodes = self.watch(context.informers.of(NODES), self._keys_of_node)
        self._pods = self.watch(context.informers.of(PODS, indexes=indexes.PODS), self._keys_of_pod)

    def _keys_of_node(self, change: Change) -> Iterable[str]:
        if change.new is None or _out_of_service(change.new):
            yield _NODE + change.obj["metadata"]["name"]

    def _keys_of_pod(self, change: Change) -> Iterable[str]:
        pod = change.obj
        self._finished += _counts(change.new) - _counts(change.old)
        if self._finished > self._limit > 0:
            yield _FINISHED
        if change.new is None:
            return
        node = node_name(pod)
        if node:
            if self._nodes.get(node) is None or is_deleting(pod):
                yield _NODE + node
        elif is_deleting(pod):
            yield _UNSCHEDULED

    async def reconcile(self, key: str) -> float | None:
        if key == _FINISHED:
            await self._delete_all(self._surplus(), "terminated")
        elif key == _UNSCHEDULED:
            await self._fail_and_delete(
                [pod for pod in self._pods.list() if is_deleting(pod) and not node_name(pod)], "unscheduled"
            )
        else:
            return await self._collect_node(key.removeprefix(_NODE))
        return None

    def _surplus(self) -> Sequence[Obj]:
        """Finished Pods beyond the limit: evicted ones first, then the oldest."""
        finished = [pod for pod in self._pods.list() if is_finished(pod)]
        finished.sort(key=lambda pod: (not _was_evicted(pod), str(pod["metadata"]["creationTimestamp"])))
        return finished[: max(0, len(finished) - self._limit)]

    async def _collect_node(self, name: str) -> float | None:
        pods = self._pods.by_index(indexes.NODE, name)
        node = self._nodes.get(name)
        if node is not None:
            self._missing.pop(name, None)
            if _out_of_service(node) and ready_status(node) != "True":
                await self._fail_and_delete([pod for pod in pods if is_deleting(pod)], "out-of-service")
            return None
        if not pods:
            self._missing.pop(name, None)
            return None
        now = self.clock.monotonic()
        left = self._missing.setdefault(name, now) + QUARANTINE - now
        if left > 0:
            return left
        if not await self._is_gone(name):
            return QUARANTINE
        await self._fail_and_delete(pods, "orphaned", ("DeletionByPodGC", "PodGC: node no longer exists"))
        return None

    async def _is_gone(self, node: str) -> bool:
        """Ask the API, not the cache, before giving up a whole node."""
        try:
            await self._client.get(NODES, node)
        except StatusError as error:
            if error.code == 404:
                return True
            raise
        return False

    async def _fail_and_delete(self, pods: Sequence[Obj], reason: str, why: tuple[str, str] | None = None) -> None:
        """What did not end by itself failed, so that those who wait for it see an end. `why` is of its condition."""
        for pod in pods:
            if not is_finished(pod):
                await self._mark_failed(pod, why)
        await self._delete_all(pods, reason)

    async def _mark_failed(self, pod: Obj, why: tuple[str, str] | None) -> None:
        status: Obj = {"phase": "Failed"}
        if why is not None:
            status["conditions"] = [disruption_target(pod, *why, self.clock.now())]
        patch = {"metadata": {"uid": pod["metadata"]["uid"]}, "status": status}
        name, namespace = pod["metadata"]["name"], pod["metadata"]["namespace"]
        try:
            await self._client.patch(
                PODS, name, patch, namespace, patch_type=STRATEGIC_MERGE_PATCH, subresource="status"
            )
        except StatusError as error:
            if error.code not in (404, 409):
                raise

    async def _delete_all(self, pods: Sequence[Obj], reason: str) -> None:
        for start in range(0, len(pods), BATCH):
            await asyncio.gather(*(self._delete(pod, reason) for pod in pods[start : start + BATCH]))

    async def _delete(self, pod: Obj, reason: str) -> None:
        metadata = pod["metadata"]
        if is_deleting(pod) and metadata.get("deletionGracePeriodSeconds") == 0 and metadata.get("finalizers"):
            return  # it only waits for those
        self._deleted.add(metadata["namespace"], reason)
        try:
            await self._client.delete(
                PODS, metadata["name"], metadata["namespace"], grace_period_seconds=0, uid=metadata["uid"]
            )
        except StatusError as error:
            if error.code not in (404, 409):
                self._errors.add(metadata["namespace"], reason)
                raise


def _counts(pod: Obj | None) -> int:
    return int(pod is not None and is_finished(pod))


def _was_evicted(pod: Obj) -> bool:
    return bool((pod.get("status") or {}).get("reason") == "Evicted")


def _out_of_service(node: Obj) -> bool:
    return any(taint["key"] == OUT_OF_SERVICE for taint in node["spec"].get("taints") or ())
