"""Serves what CustomResourceDefinitions define, and keeps their conditions.

    definition written -> names accepted, established (its status) -> in the Scheme -> served
    definition deleted -> its objects deleted -> its finalizer removed -> out of the Scheme

Upstream: apiextensions-apiserver's naming, establishing and finalizing controllers and its custom resource handler.
"""

import asyncio
import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from minik.api.scheme import Resource, Scheme
from minik.api.status import StatusError
from minik.api.types import GVR, Obj
from minik.client.client import Client
from minik.server.apiserver.objects import Objects
from minik.server.apiserver.registry.registry import Registry

if TYPE_CHECKING:
    from minik.server.apiserver.apiextensions.conversion import WebhookConverter

log = logging.getLogger("minik.apiserver.apiextensions")

DEFINITIONS = GVR("apiextensions.k8s.io", "v1", "customresourcedefinitions")
_PATIENCE = 1.0  # seconds the creation of a definition waits until it has taken effect
_RETRY = 1.0  # seconds until a status that could not be written is tried again


class CustomResources:
    """The component. `load` makes what is defined already be served before the first request."""

    name = "custom-resources"

    def __init__(self, objects: Objects, registry: Registry, client: Client) -> None:
        self._objects = objects
        self._registry = registry
        self._scheme: Scheme = registry.scheme
        self._client = client
        self._served: dict[str, tuple[Obj, tuple[Resource, ...]]] = {}  # by name: what it was made from, and what
        self._changed: asyncio.Queue[str] = asyncio.Queue()
        self._cleanups: dict[str, asyncio.Task[None]] = {}
        self._regroup = asyncio.Event()
        self._converter: WebhookConverter | None = None
        self._waiting: dict[str, asyncio.Future[None]] = {}  # by uid: definitions nothing has been decided on yet

    async def settled(self, definition: Obj) -> None:
        """Wait until it is decided whether a new definition is served, but not for long."""
        uid, name = definition["metadata"]["uid"], definition["metadata"]["name"]
        current = self._objects.get(DEFINITIONS, name)
        if current is None or (current.get("status") or {}).get("conditions"):
            return
        decided = self._waiting.setdefault(uid, asyncio.get_running_loop().create_future())
        try:
            async with asyncio.timeout(_PATIENCE):
                await decided
        except TimeoutError:
            log.warning("%s has not been decided on yet", name)
        finally:
            self._waiting.pop(uid, None)

    def load(self) -> None:
        for definition in self._objects.list(DEFINITIONS):
            self._serve(definition, int(definition["metadata"]["resourceVersion"]))

    async def run(self, ready: asyncio.Event) -> None:
        effects = self._registry.effects
        effects[DEFINITIONS.group, DEFINITIONS.resource] = self.settled
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._objects.follow([DEFINITIONS], self._reset, self._follow, ready))
            tasks.create_task(self._register())
            try:
                while True:
                    await self._settle(await self._changed.get(), tasks)
            finally:
                effects.pop((DEFINITIONS.group, DEFINITIONS.resource), None)
                self._cleanups.clear()
                if self._converter is not None:
                    await self._converter.close()

    def _reset(self) -> None:
        present = {definition["metadata"]["name"] for definition in self._objects.list(DEFINITIONS)}
        for name in self._served.keys() - present:
            self._withdraw(name)

    def _follow(self, _resource: GVR, definition: Obj | None, last: Obj | None) -> None:
        if definition is not None:
            self._serve(definition, self._registry.storage.store.revision)
            self._changed.put_nowait(definition["metadata"]["name"])
            decided = self._waiting.get(definition["metadata"]["uid"])
            if decided is not None and not decided.done() and (definition.get("status") or {}).get("conditions"):
                decided.set_result(None)
        elif last is not None:
            self._withdraw(last["metadata"]["name"])
            self._cleanups.pop(last["metadata"]["name"], None)
            self._settle_all(last)

    def _settle_all(self, gone: Obj) -> None:
        """Names that were taken may be free now."""
        for definition in self._objects.list(DEFINITIONS):
            if definition["spec"]["group"] == gone["spec"]["group"]:
                self._changed.put_nowait(definition["metadata"]["name"])

    # -- the Scheme

    def _serve(self, definition: Obj, revision: int) -> None:
        from minik.api.crd import definition as definitions
        from minik.api.crd.resources import resources

        name = definition["metadata"]["name"]
        if not definitions.holds(definition, definitions.ESTABLISHED):
            return
        terminating = definitions.holds(definition, definitions.TERMINATING)
        made_from = {
            "spec": definition["spec"],
            "names": definitions.accepted_names(definition),
            "terminating": terminating,
        }
        before = self._served.get(name)
        if before is not None and before[0] == made_from:
            return
        try:
            made = tuple(each for each in resources(definition, revision) if not self._is_built_in(each))
        except Exception:
            log.exception("cannot serve %s", name)
            return
        if any(resource.converted_by for resource in made):
            self._convert()
        same = before is not None and before[0] == {**made_from, "terminating": before[0]["terminating"]}
        self._replace(before[1] if before else (), made, same=same)
        self._served[name] = (made_from, made)

    def _is_built_in(self, resource: Resource) -> bool:
        """What comes with the server is never replaced."""
        at = (resource.group, resource.version)
        return any((each.group, each.version) == at and not each.custom for each in self._scheme)

    def _convert(self) -> None:
        """From now on there are resources that a webhook converts."""
        if self._registry.converter is None:
            from minik.server.apiserver.apiextensions.conversion import WebhookConverter

            self._converter = self._registry.converter = WebhookConverter(self._objects)

    def _withdraw(self, name: str) -> None:
        before = self._served.pop(name, None)
        if before is not None:
            self._replace(before[1], ())

    def _replace(self, before: tuple[Resource, ...], made: tuple[Resource, ...], *, same: bool = False) -> None:
        """`same`: in the same way; watches of a definition that is deleted see its objects go."""
        successors = {resource.gvr: resource for resource in made} if same else {}
        for resource in before:
            self._scheme.remove(resource.gvr)
            if successor := successors.get(resource.gvr):
                self._registry.succeed(resource, successor)
            else:
                self._registry.retire(resource)
        for resource in made:
            self._scheme.add(resource)
        self._regroup.set()

    async def _register(self) -> None:
        """Keep the APIServices in step with the Scheme."""
        while True:
            await self._regroup.wait()
            self._regroup.clear()
            from minik.server.apiserver.apiextensions import api_services

            await api_services.reconcile(self._scheme, self._objects, self._client)

    # -- status

    async def _settle(self, name: str, tasks: asyncio.TaskGroup) -> None:
        """Bring the status of one definition up to date, or let it go."""
        definition = self._objects.get(DEFINITIONS, name)
        if definition is None:
            return
        if definition["metadata"].get("deletionTimestamp"):
            self._clean_up(definition, tasks)
            return
        from minik.api.crd.names import with_conditions

        others = [each for each in self._objects.list(DEFINITIONS) if each["metadata"]["name"] != name]
        wanted = with_conditions(definition, others, datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"))
        if wanted["status"] == definition.get("status"):
            return
        try:
            await self._client.update(DEFINITIONS, wanted, subresource="status")
        except StatusError as error:
            if error.code in (404, 409):
                return  # a newer state is on its way here
            log.warning("cannot write the status of %s: %s", name, error)
            asyncio.get_running_loop().call_later(_RETRY, self._changed.put_nowait, name)

    def _clean_up(self, definition: Obj, tasks: asyncio.TaskGroup) -> None:
        name = definition["metadata"]["name"]
        running = self._cleanups.get(name)
        if running is not None and not running.done():
            return
        from minik.server.apiserver.apiextensions.cleanup import Cleanup

        cleanup = Cleanup(self._objects, self._registry, self._client)
        self._cleanups[name] = tasks.create_task(cleanup.run(definition))
