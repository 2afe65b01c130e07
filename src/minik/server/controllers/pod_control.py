"""Creates and deletes the Pods of a controller, in slow-start batches, and says so in Events.

Texts and rules: RealPodControl and slowStartBatch in kubernetes/pkg/controller.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from minik.api.status import StatusError
from minik.api.types import Obj
from minik.client.client import Client
from minik.client.events import NORMAL, WARNING, EventRecorder, object_reference
from minik.client.resources import PODS
from minik.server.controllers.claims import Owner
from minik.server.controllers.objects import own_copy, owner_reference

T = TypeVar("T")

MOST_AT_ONCE = 32  # they share a commit, and leave others their turn


@dataclass(frozen=True, slots=True)
class BatchResult:
    done: int
    error: StatusError | None  # the first


def pod_from_template(template: Obj, owner: Owner) -> Obj:
    """A Pod named after its owner (GetPodFromTemplate)."""
    meta = template.get("metadata") or {}
    metadata: Obj = {
        "generateName": f"{owner.obj['metadata']['name'][:247]}-",
        "namespace": owner.obj["metadata"]["namespace"],
        "ownerReferences": [owner_reference(owner.obj, owner.api_version, owner.kind)],
    }
    metadata |= {name: meta[name] for name in ("labels", "annotations", "finalizers") if meta.get(name)}
    return own_copy({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]})


async def slow_start(items: Sequence[T], do: Callable[[T], Awaitable[None]]) -> BatchResult:
    """1, 2, 4, ... at a time; stops after the first batch with a failure, so that a quota is not hit 500 times."""
    done, size = 0, 1
    while done < len(items):
        batch = items[done : done + size]
        results = await asyncio.gather(*(do(item) for item in batch), return_exceptions=True)
        for result in results:
            if isinstance(result, BaseException) and not isinstance(result, StatusError):
                raise result
        errors = [result for result in results if isinstance(result, StatusError)]
        done += len(batch) - len(errors)
        if errors:
            return BatchResult(done, errors[0])
        size = min(2 * size, MOST_AT_ONCE)
    return BatchResult(done, None)


def namespace_is_terminating(error: StatusError) -> bool:
    causes = (error.details or {}).get("causes", ())
    return any(cause.get("reason") == "NamespaceTerminating" for cause in causes)


class PodControl:
    def __init__(self, client: Client, recorder: EventRecorder) -> None:
        self._client = client
        self._recorder = recorder

    async def create(self, owner: Owner, pod: Obj) -> Obj:
        """Raises StatusError."""
        about = object_reference(owner.api_version, owner.kind, owner.obj)
        try:
            created = await self._client.create(PODS, pod, owner.obj["metadata"]["namespace"])
        except StatusError as error:
            if not namespace_is_terminating(error):
                self._recorder.event(about, WARNING, "FailedCreate", f"Error creating: {error.message}")
            raise
        self._recorder.event(about, NORMAL, "SuccessfulCreate", f"Created pod: {created['metadata']['name']}")
        return created

    async def delete(self, owner: Owner, pod: Obj) -> bool:
        """Whether it was still there. Raises StatusError."""
        name, namespace = pod["metadata"]["name"], pod["metadata"]["namespace"]
        about = object_reference(owner.api_version, owner.kind, owner.obj)
        try:
            await self._client.delete(PODS, name, namespace, uid=pod["metadata"]["uid"])
        except StatusError as error:
            if error.code in (404, 409):  # gone, or another of that name
                return False
            self._recorder.event(about, WARNING, "FailedDelete", f"Error deleting: {error.message}")
            raise
        self._recorder.event(about, NORMAL, "SuccessfulDelete", f"Deleted pod: {name}")
        return True
