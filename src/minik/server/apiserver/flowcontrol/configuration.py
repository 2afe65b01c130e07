"""Keeps flow control in step with its objects, and the Dangling condition of FlowSchemas true.

Upstream: apiserver's flowcontrol config controller.
"""

import asyncio
import logging
from datetime import UTC, datetime

from minik.api.status import StatusError
from minik.api.types import GVR, Obj
from minik.client.client import APPLY_PATCH, Client
from minik.server.apiserver.flowcontrol.flow_control import FlowControl
from minik.server.apiserver.objects import Objects

log = logging.getLogger("minik.apiserver.flowcontrol")

_GROUP = "flowcontrol.apiserver.k8s.io"
FLOW_SCHEMAS = GVR(_GROUP, "v1", "flowschemas")
PRIORITY_LEVELS = GVR(_GROUP, "v1", "prioritylevelconfigurations")
_MANAGER = "api-priority-and-fairness-config-consumer-v1"


class FlowControlConfiguration:
    """The component. `load` before the first request."""

    name = "flow-control"

    def __init__(self, objects: Objects, flow_control: FlowControl, client: Client) -> None:
        self._objects = objects
        self._flow_control = flow_control
        self._client = client
        self._changed = asyncio.Event()

    def load(self) -> None:
        self._flow_control.configure(self._objects.list(FLOW_SCHEMAS), self._objects.list(PRIORITY_LEVELS))

    async def run(self, ready: asyncio.Event) -> None:
        async with asyncio.TaskGroup() as tasks:
            followed = (FLOW_SCHEMAS, PRIORITY_LEVELS)
            tasks.create_task(self._objects.follow(followed, self._changed.set, self._follow, ready))
            while True:
                await self._changed.wait()
                self._changed.clear()
                self.load()
                for schema in self._objects.list(FLOW_SCHEMAS):
                    await self._settle(schema)

    def _follow(self, _resource: GVR, _obj: Obj | None, _last: Obj | None) -> None:
        self._changed.set()

    async def _settle(self, schema: Obj) -> None:
        """Say whether the priority level of a FlowSchema exists."""
        level = schema["spec"]["priorityLevelConfiguration"]["name"]
        wanted = dangling(level, exists=self._flow_control.level_exists(level))
        conditions = (schema.get("status") or {}).get("conditions") or ()
        current = next((c for c in conditions if c["type"] == "Dangling"), None)
        if current is not None and all(current.get(key) == value for key, value in wanted.items()):
            return
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        if current is not None and current.get("status") == wanted["status"]:
            now = current.get("lastTransitionTime") or now
        name = schema["metadata"]["name"]
        patch = {
            "kind": "FlowSchema",
            "apiVersion": FLOW_SCHEMAS.api_version,
            "metadata": {"name": name},
            "status": {"conditions": [{**wanted, "lastTransitionTime": now}]},
        }
        try:
            await self._client.patch(
                FLOW_SCHEMAS,
                name,
                patch,
                patch_type=APPLY_PATCH,
                subresource="status",
                field_manager=_MANAGER,
                force=True,
            )
        except StatusError as error:
            if error.code != 404:
                log.warning("cannot write the status of FlowSchema %s: %s", name, error)


def dangling(level: str, *, exists: bool) -> Obj:
    """The condition without its time."""
    begin = f'This FlowSchema references the PriorityLevelConfiguration object named "{level}"'
    if exists:
        return {"type": "Dangling", "status": "False", "reason": "Found", "message": f"{begin} and it exists"}
    message = f"{begin} but there is no such object"
    return {"type": "Dangling", "status": "True", "reason": "NotFound", "message": message}
