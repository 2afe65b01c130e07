"""What Pods and their users are told: Events, the PodScheduled condition, the node a Pod is nominated to."""

import logging
from collections.abc import Mapping

from minik.api.status import StatusError
from minik.api.types import Obj
from minik.client.client import STRATEGIC_MERGE_PATCH, Client
from minik.client.clock import Clock, format_time
from minik.client.events import NORMAL, WARNING, EventRecorder, object_reference
from minik.client.resources import PODS
from minik.server.scheduler.node_info import PodInfo

log = logging.getLogger("minik.scheduler")

UNSCHEDULABLE, SCHEDULER_ERROR = "Unschedulable", "SchedulerError"  # reasons of PodScheduled


class Reporter:
    """`recorders` by profile."""

    def __init__(self, client: Client, recorders: Mapping[str, EventRecorder], clock: Clock) -> None:
        self._client, self._recorders, self._clock = client, recorders, clock

    def scheduled(self, pod: PodInfo, node_name: str) -> None:
        self._record(pod, NORMAL, "Scheduled", f"Successfully assigned {pod.key} to {node_name}", "Binding")

    async def refused(self, pod: PodInfo, message: str, *, nominated: str = "", reason: str = UNSCHEDULABLE) -> None:
        """An Event, and what is new of it in the Pod's status. `nominated`: the node that is being cleared for it."""
        self._record(pod, WARNING, "FailedScheduling", message, "Scheduling")
        status: Obj = {}
        had: Obj = next(
            (c for c in (pod.obj.get("status") or {}).get("conditions") or () if c["type"] == "PodScheduled"), {}
        )
        if (had.get("status"), had.get("reason"), had.get("message")) != ("False", reason, message):
            since = had.get("lastTransitionTime") if had.get("status") == "False" else None
            status["conditions"] = [
                {
                    "type": "PodScheduled",
                    "status": "False",
                    "reason": reason,
                    "message": message,
                    "lastTransitionTime": since or format_time(self._clock.now()),
                    "observedGeneration": pod.obj["metadata"].get("generation"),
                }
            ]
        if nominated:
            status["nominatedNodeName"] = nominated
        if status:
            await self._patch_status(pod, status)

    async def nominated(self, pod: PodInfo, node_name: str) -> None:
        """Others may know where the Pod is going while it has to wait for something."""
        if (pod.obj.get("status") or {}).get("nominatedNodeName") != node_name:
            await self._patch_status(pod, {"nominatedNodeName": node_name})

    async def _patch_status(self, pod: PodInfo, status: Obj) -> None:
        """What cannot be told is not worth a scheduling cycle."""
        body = {"metadata": {"uid": pod.uid}, "status": status}
        try:
            await self._client.patch(
                PODS, pod.name, body, pod.namespace, patch_type=STRATEGIC_MERGE_PATCH, subresource="status"
            )
        except (StatusError, ConnectionError) as error:
            log.debug("the status of %s was not written: %s", pod.key, error)

    def _record(self, pod: PodInfo, kind: str, reason: str, message: str, action: str) -> None:
        recorder = self._recorders[pod.spec["schedulerName"]]
        recorder.event(object_reference("v1", "Pod", pod.obj), kind, reason, message, action=action)
