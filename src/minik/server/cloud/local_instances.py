"""Nodes that are their own instances: what the built-in provider knows of machines that no cloud runs."""

from minik.api.types import Obj
from minik.server.cloud.node_plan import PROVIDED_IP
from minik.server.cloud.provider import InstanceMetadata
from minik.server.controllers.objects import annotations_of


class LocalInstances:
    """Every node exists for as long as its object does; nobody but its owner shuts it down."""

    async def metadata(self, node: Obj) -> InstanceMetadata:
        name = node["metadata"]["name"]
        addresses = list((node.get("status") or {}).get("addresses") or ())
        for text in annotations_of(node).get(PROVIDED_IP, "").split(","):
            if text and not any(each["address"] == text for each in addresses):
                addresses.insert(0, {"type": "InternalIP", "address": text})
        return InstanceMetadata(provider_id=f"minik://{name}", instance_type="minik", addresses=addresses)

    async def exists(self, node: Obj) -> bool:
        return True

    async def is_shut_down(self, node: Obj) -> bool:
        return False
