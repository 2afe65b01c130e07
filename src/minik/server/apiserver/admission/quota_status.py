"""Writes the usage that admission counted into a ResourceQuota's status."""

from minik.api.scheme import Resource
from minik.api.types import Obj
from minik.server.apiserver.registry.storage import Storage


class QuotaStatus:
    """Past the pipeline, because it happens while another request waits: compare-and-swap on the quota as read."""

    def __init__(self, storage: Storage, resource: Resource) -> None:
        self._storage = storage
        self._resource = resource

    async def write(self, quota: Obj, status: Obj) -> bool:
        """False if the quota has changed or gone since `quota` was read."""
        metadata = quota["metadata"]
        current = self._storage.get(self._resource, metadata["namespace"], metadata["name"])
        if current is None or str(current.mod_revision) != metadata["resourceVersion"]:
            return False
        value = self._storage.layouts.of(self._resource).encode({**quota, "status": status})
        return await self._storage.replace(self._resource, current, value) is not None
