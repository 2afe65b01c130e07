"""The Endpoints of a Service, which go with it."""

from minik.api.scheme import Resource
from minik.server.apiserver.registry.storage import Storage


class ServiceEndpoints:
    """Removes them past the pipeline, lest a new Service of that name find the old one's addresses."""

    def __init__(self, storage: Storage, resource: Resource) -> None:
        self._storage = storage
        self._resource = resource

    async def remove(self, namespace: str, name: str) -> None:
        current = self._storage.get(self._resource, namespace, name)
        if current is None:
            return
        metadata = self._storage.layouts.of(self._resource).decode(current)["metadata"]
        if not metadata.get("finalizers"):
            await self._storage.remove(current)
