"""Carries a preemption out: marks the victims, deletes them, and tells them and the Pod they make room for.

Runs beside the scheduling loop; the Pod that preempts waits until its victims have been told to go.
"""

import asyncio
from collections.abc import Iterable, Mapping

from minik.api.status import StatusError
from minik.api.types import Obj
from minik.client.client import STRATEGIC_MERGE_PATCH, Client
from minik.client.clock import Clock, format_time
from minik.client.events import NORMAL, EventRecorder, object_reference
from minik.client.resources import PODS
from minik.server.scheduler.node_info import PodInfo


class Preemptor:
    def __init__(self, client: Client, recorders: Mapping[str, EventRecorder], clock: Clock) -> None:
        """`recorders` by profile."""
        self._client, self._recorders, self._clock = client, recorders, clock

    async def evict(self, victims: Iterable[PodInfo], pod: PodInfo, node_name: str) -> None:
        """Delete those that are not leaving already, all at once. Raises StatusError and ConnectionError."""
        staying = [victim for victim in victims if not victim.obj["metadata"].get("deletionTimestamp")]
        done = await asyncio.gather(
            *(self._evict(victim, pod, node_name) for victim in staying), return_exceptions=True
        )
        for error in done:
            if isinstance(error, BaseException):
                raise error

    async def clear_nomination(self, pod: PodInfo) -> None:
        """The Pod has lost the node it was to get. Raises StatusError."""
        await self._patch_status(pod, {"nominatedNodeName": None})

    async def _evict(self, victim: PodInfo, pod: PodInfo, node_name: str) -> None:
        condition: Obj = {
            "type": "DisruptionTarget",
            "status": "True",
            "reason": "PreemptionByScheduler",
            "message": f"{pod.spec['schedulerName']}: preempting to accommodate a higher priority pod",
            "lastTransitionTime": format_time(self._clock.now()),
        }
        if victim.obj["metadata"].get("generation"):
            condition["observedGeneration"] = victim.obj["metadata"]["generation"]
        try:
            await self._patch_status(victim, {"conditions": [condition]})
            await self._client.delete(PODS, victim.name, victim.namespace, uid=victim.uid)
        except StatusError as error:
            if error.code != 404:
                raise
            return
        about, message = object_reference("v1", "Pod", victim.obj), f"Preempted by pod {pod.uid} on node {node_name}"
        related = object_reference("v1", "Pod", pod.obj)
        recorder = self._recorders[pod.spec["schedulerName"]]
        recorder.event(about, NORMAL, "Preempted", message, action="Preempting", related=related)

    async def _patch_status(self, pod: PodInfo, status: Obj) -> None:
        patch = {"metadata": {"uid": pod.uid}, "status": status}
        await self._client.patch(
            PODS, pod.name, patch, pod.namespace, patch_type=STRATEGIC_MERGE_PATCH, subresource="status"
        )
