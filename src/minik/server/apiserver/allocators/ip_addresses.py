"""The IPAddress objects that show, and settle between several servers, which Service has an address.

https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/ip-address-v1/
"""

import uuid
from collections.abc import Callable
from datetime import UTC, datetime

from minik.api.scheme import Resource
from minik.api.types import Obj
from minik.server.apiserver.registry.keys import object_key
from minik.server.apiserver.registry.metadata import ordered, timestamp
from minik.server.apiserver.registry.storage import Storage
from minik.server.bootstrap.cluster import ip_address_object


def _utc_now() -> datetime:
    return datetime.now(UTC)


class IpAddresses:
    """Writes them past the pipeline: they are the server's own bookkeeping."""

    def __init__(self, storage: Storage, resource: Resource, *, now: Callable[[], datetime] = _utc_now) -> None:
        self._storage = storage
        self._resource = resource
        self._now = now

    async def add(self, address: str, service: Obj) -> bool:
        """False if somebody else has the address."""
        metadata = service["metadata"]
        obj = ip_address_object(address, metadata.get("namespace", ""), metadata.get("name", ""))
        obj["metadata"] = ordered(
            {**obj["metadata"], "uid": str(uuid.uuid4()), "creationTimestamp": timestamp(self._now())}
        )
        key = object_key(self._resource, "", address)
        value = self._storage.layouts.of(self._resource).encode(obj)
        return await self._storage.insert(self._resource, key, value) is not None

    async def remove(self, address: str) -> None:
        current = self._storage.get(self._resource, "", address)
        if current is not None:
            await self._storage.remove(current)
