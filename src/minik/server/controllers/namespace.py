"""Empties namespaces that are being deleted and then lets them go.

Pods go first (KEP-5080), then everything else the API serves; what has finalizers is waited for. The API server
removes the namespace when the `kubernetes` finalizer is taken off through the finalize subresource.
"""

import logging
from collections.abc import Iterable, Sequence

from minik.api.status import StatusError
from minik.api.types import Obj
from minik.client.client import Client
from minik.client.clock import parse_time
from minik.client.controller import Controller
from minik.client.informer import Change
from minik.client.resources import NAMESPACES, PODS
from minik.server.controllers import indexes
from minik.server.controllers.context import ControllerContext
from minik.server.controllers.discovery import ApiResource
from minik.server.controllers.namespace_content import FINALIZER_ESTIMATE, Remaining, conditions
from minik.server.controllers.objects import is_deleting, own_copy

log = logging.getLogger("minik.namespace-controller")

FINALIZER = "kubernetes"
FIRST_LOOK, LONGEST_LOOK = 0.2, 8.0  # seconds between looks at what is left


class NamespaceController(Controller):
    name = "namespace-controller"
    workers = 10

    def __init__(self, context: ControllerContext) -> None:
        super().__init__(clock=context.clock)
        self._client: Client = context.client_for(self.name)
        self._discover = context.discover
        self._looks: dict[str, int] = {}
        self._namespaces = self.watch(context.informers.of(NAMESPACES), _deleting_only)
        self._pods = self.watch(context.informers.of(PODS, indexes=indexes.PODS), self._key_of_gone_pod)

    def _key_of_gone_pod(self, change: Change) -> Iterable[str]:
        if change.new is None:
            name = change.obj["metadata"]["namespace"]
            namespace = self._namespaces.get(name)
            if namespace is not None and is_deleting(namespace):
                yield name

    async def reconcile(self, key: str) -> float | None:
        namespace = self._namespaces.get_key(key)
        if namespace is None or not is_deleting(namespace):
            self._looks.pop(key, None)
            return None
        if FINALIZER not in (namespace["spec"].get("finalizers") or ()):
            return None
        remaining = await self._empty(key)
        namespace = await self._write_conditions(namespace, remaining)
        if remaining.nothing:
            await self._finalize(namespace)
            self._looks.pop(key, None)
            return None
        looks = self._looks[key] = self._looks.get(key, 0) + 1
        return _next_look(looks, remaining.estimate)

    async def _empty(self, namespace: str) -> Remaining:
        """One round of deleting."""
        discovery = await self._discover()
        remaining = Remaining()
        remaining.discovery_failures = [f"{group}: {why}" for group, why in discovery.failures.items()]
        resources = [r for r in discovery.resources if r.namespaced and {"delete", "list"} <= r.verbs]
        pods_first = sorted(resources, key=lambda resource: resource.gvr != PODS)
        for resource in pods_first:
            if resource.gvr != PODS and remaining.resources[PODS]:
                break
            try:
                await self._delete_all(namespace, resource, remaining)
            except StatusError as error:
                if error.code not in (404, 405):
                    remaining.delete_failures.append(error.message)
        return remaining

    async def _delete_all(self, namespace: str, resource: ApiResource, remaining: Remaining) -> None:
        if not (await self._client.list(resource.gvr, namespace)).items:
            return
        if "deletecollection" in resource.verbs:
            await self._client.delete_collection(resource.gvr, namespace, propagation_policy="Background")
        else:
            await self._delete_one_by_one(namespace, resource)
        left = (await self._client.list(resource.gvr, namespace)).items
        _count(resource, left, remaining, self.clock.now().timestamp())

    async def _delete_one_by_one(self, namespace: str, resource: ApiResource) -> None:
        for obj in (await self._client.list(resource.gvr, namespace)).items:
            try:
                await self._client.delete(
                    resource.gvr, obj["metadata"]["name"], namespace, propagation_policy="Background"
                )
            except StatusError as error:
                if error.code != 404:
                    raise

    async def _write_conditions(self, namespace: Obj, remaining: Remaining) -> Obj:
        status = namespace.get("status") or {}
        wanted = conditions(status.get("conditions") or (), remaining, self.clock.now())
        if wanted == status.get("conditions"):
            return namespace
        changed = {**namespace, "status": {**status, "phase": "Terminating", "conditions": wanted}}
        return await self._client.update(NAMESPACES, changed, subresource="status")

    async def _finalize(self, namespace: Obj) -> None:
        changed = own_copy(namespace)
        changed["spec"]["finalizers"] = [name for name in changed["spec"]["finalizers"] if name != FINALIZER]
        try:
            await self._client.update(NAMESPACES, changed, subresource="finalize")
        except StatusError as error:
            if error.code != 404:
                raise


def _next_look(looks: int, estimate: float) -> float:
    """Soon at first, since most things go at once; later half the grace that is left, as upstream."""
    return min(FIRST_LOOK * 2.0 ** min(looks - 1, 10), max(estimate / 2 + 1, FIRST_LOOK), LONGEST_LOOK)


def _deleting_only(change: Change) -> Iterable[str]:
    if change.new is not None and is_deleting(change.new):
        yield change.new["metadata"]["name"]


def _count(resource: ApiResource, left: Sequence[Obj], remaining: Remaining, now: float) -> None:
    if not left:
        return
    remaining.resources[resource.gvr] += len(left)
    for obj in left:
        metadata = obj["metadata"]
        finalizers = metadata.get("finalizers") or ()
        remaining.finalizers.update(finalizers)
        if finalizers:
            remaining.estimate = max(remaining.estimate, FINALIZER_ESTIMATE)
        elif "deletionTimestamp" in metadata:
            remaining.estimate = max(remaining.estimate, parse_time(metadata["deletionTimestamp"]).timestamp() - now)
