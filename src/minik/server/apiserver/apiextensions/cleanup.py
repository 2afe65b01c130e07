"""Deletes the objects of a definition that is being deleted, then lets the definition go.

Upstream: apiextensions-apiserver's finalizer controller.
"""

import asyncio
import copy
import logging
from datetime import UTC, datetime

import orjson

from minik.api.crd import definition as definitions
from minik.api.scheme import Resource
from minik.api.status import StatusError
from minik.api.types import GVR, Obj
from minik.client.client import Client
from minik.server.apiserver.objects import Objects
from minik.server.apiserver.registry.keys import storage_prefix
from minik.server.apiserver.registry.registry import Registry
from minik.store.store import prefix_end

log = logging.getLogger("minik.apiserver.apiextensions")

DEFINITIONS = GVR("apiextensions.k8s.io", "v1", "customresourcedefinitions")
_PATIENCE = 60.0  # seconds for other finalizers of the objects, then it starts over
_IN_PROGRESS = ("True", "InstanceDeletionInProgress", "CustomResource deletion is in progress")
_NEVER = ("False", "NeverEstablished", "resource was never established")
_DONE = ("False", "InstanceDeletionCompleted", "removed all instances")
_HELD = (
    "True",
    "InstanceDeletionCheck",
    "could not confirm zero CustomResources remaining: context deadline exceeded",
)

Told = tuple[str, str, str]
"""Status, reason and message of the condition Terminating."""
_AT_ONCE = 64


class Cleanup:
    """`run` ends when the definition is gone, or somebody else holds it."""

    def __init__(self, objects: Objects, registry: Registry, client: Client) -> None:
        self._objects = objects
        self._registry = registry
        self._client = client

    async def run(self, definition: Obj) -> None:
        name = definition["metadata"]["name"]
        if definitions.FINALIZER not in (definition["metadata"].get("finalizers") or ()):
            return
        while True:
            try:
                await self._tell(name, _IN_PROGRESS)
                established = definitions.holds(definition, definitions.ESTABLISHED)
                if established:
                    await self._empty(definition)
                await self._tell(name, _DONE if established else _NEVER, let_go=True)
            except TimeoutError:
                await self._tell(name, _HELD)
                await asyncio.sleep(1)
            except StatusError as error:
                log.warning("cannot delete the objects of %s yet: %s", name, error)
                await asyncio.sleep(1)
            else:
                return

    async def _empty(self, definition: Obj) -> None:
        """Raises TimeoutError when objects are held too long."""
        resource = self._resource(definition)
        if resource is None:
            return
        prefix = storage_prefix(resource)
        store = self._registry.storage.store
        watch = store.watch(prefix, prefix_end(prefix))
        try:
            async with asyncio.timeout(_PATIENCE):
                kept = store.current(prefix, prefix_end(prefix)).kvs
                left = [orjson.loads(kv.value) for kv in kept]
                for start in range(0, len(left), _AT_ONCE):
                    await asyncio.gather(*(self._delete(resource, obj) for obj in left[start : start + _AT_ONCE]))
                while store.current(prefix, prefix_end(prefix), limit=1).kvs:
                    await anext(watch)
        finally:
            watch.close()

    def _resource(self, definition: Obj) -> Resource | None:
        """Any version that is served, the stored one if possible: all of them are the same objects."""
        group, plural = definition["spec"]["group"], definitions.accepted_names(definition).get("plural", "")
        served = [r for r in self._registry.scheme if r.custom and (r.group, r.plural) == (group, plural)]
        return min(served, key=lambda resource: resource.storage != resource.gvr, default=None)

    async def _delete(self, resource: Resource, obj: Obj) -> None:
        metadata = obj["metadata"]
        try:
            await self._client.delete(resource.gvr, metadata["name"], metadata.get("namespace"))
        except StatusError as error:
            if error.code != 404:
                raise

    async def _tell(self, name: str, told: Told, *, let_go: bool = False) -> None:
        """Say how far it is, over whatever else is written meanwhile; `let_go` removes the finalizer with it."""
        status, reason, message = told
        condition = {"type": definitions.TERMINATING, "status": status, "reason": reason, "message": message}
        while True:
            current = self._objects.get(DEFINITIONS, name)
            if current is None:
                return
            wanted = copy.deepcopy(current)
            definitions.set_condition(wanted, condition, datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"))
            if let_go:
                finalizers = wanted["metadata"].get("finalizers") or []
                wanted["metadata"]["finalizers"] = [each for each in finalizers if each != definitions.FINALIZER]
            try:
                await self._client.update(DEFINITIONS, wanted, subresource="status")
            except StatusError as error:
                if error.code == 404:
                    return
                if error.code != 409:
                    raise
                await asyncio.sleep(0)  # a newer state is on its way here
            else:
                return
