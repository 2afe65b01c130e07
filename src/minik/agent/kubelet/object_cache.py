"""ConfigMaps, Secrets and what else Pods on this node use, each watched on its own while somebody needs it.

A node may only see single objects by name (Node authorizer), so this is one small informer per object, shared by all
Pods and dropped with the last of them. Who holds an object is told when it changes.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from minik.api.types import GVR, Obj
from minik.client.client import Client
from minik.client.informer import Change, Informer

log = logging.getLogger("minik.kubelet")

SYNC_TIMEOUT = 60.0  # seconds until the first answer about an object must have come

Key = tuple[GVR, str, str]  # resource, namespace, field selector


class CacheTimeout(Exception):
    """The API server did not answer in time."""


@dataclass(slots=True)
class _Watched:
    informer: Informer
    task: asyncio.Task[None]
    holders: set[str] = field(default_factory=set)


class ObjectCache:
    """Use within a running TaskGroup, which owns the watches. `changed(pod_uid)` is called for every holder."""

    def __init__(self, client: Client, group: asyncio.TaskGroup, changed: Callable[[str], None]) -> None:
        self._client = client
        self._group = group
        self._changed = changed
        self._watched: dict[Key, _Watched] = {}

    async def get(self, holder: str, resource: GVR, namespace: str, name: str) -> Obj | None:
        """The object now, None when it does not exist. `holder` (a Pod's uid) keeps it watched until `release`.

        Raises CacheTimeout.
        """
        informer = await self._synced(holder, (resource, namespace, f"metadata.name={name}"))
        return informer.get(name, namespace)

    async def select(self, holder: str, resource: GVR, field_selector: str) -> Sequence[Obj]:
        """The objects of a resource without namespaces that a selector names, watched as `get` does.

        Raises CacheTimeout.
        """
        return (await self._synced(holder, (resource, "", field_selector))).list()

    async def _synced(self, holder: str, key: Key) -> Informer:
        watched = self._watched.get(key)
        if watched is None:
            watched = self._watched[key] = self._watch(key)
        watched.holders.add(holder)
        if not watched.informer.synced.is_set():
            try:
                async with asyncio.timeout(SYNC_TIMEOUT):
                    await watched.informer.wait_synced()
            except TimeoutError:
                kind = key[0].resource.removesuffix("s")
                raise CacheTimeout(f"failed to sync {kind} cache: timed out waiting for the condition") from None
        return watched.informer

    def release(self, holder: str) -> None:
        """The Pod is gone: stop watching what only it used."""
        for key, watched in [*self._watched.items()]:
            watched.holders.discard(holder)
            if not watched.holders:
                watched.task.cancel()
                del self._watched[key]

    def _watch(self, key: Key) -> _Watched:
        resource, namespace, selector = key
        informer = Informer(self._client, resource, namespace, field_selector=selector)
        task = self._group.create_task(informer.run(asyncio.Event()), name=f"watch {resource.resource} {selector}")
        watched = _Watched(informer, task)

        def tell(_: Sequence[Change]) -> None:
            for holder in [*watched.holders]:
                self._changed(holder)

        informer.add_handler(tell)
        return watched
