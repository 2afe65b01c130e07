"""Lets those who may view a namespace see what its Pods use, as metrics-server's own role does."""

import asyncio

from minik.api.types import Obj
from minik.client.client import APPLY_PATCH, Client
from minik.client.resources import CLUSTER_ROLES

NAME = "system:aggregated-metrics-reader"
_AGGREGATE = "rbac.authorization.k8s.io/aggregate-to-"


class MetricsReaderRole:
    """Component "metrics-reader-role": applies the ClusterRole once, then only waits."""

    name = "metrics-reader-role"

    def __init__(self, client: Client) -> None:
        self._client = client

    async def run(self, ready: asyncio.Event) -> None:
        await self._client.patch(
            CLUSTER_ROLES, NAME, cluster_role(), patch_type=APPLY_PATCH, field_manager="minik", force=True
        )
        ready.set()
        await asyncio.Event().wait()


def cluster_role() -> Obj:
    rule = {"apiGroups": ["metrics.k8s.io"], "resources": ["pods", "nodes"], "verbs": ["get", "list", "watch"]}
    return {
        "apiVersion": CLUSTER_ROLES.api_version,
        "kind": "ClusterRole",
        "metadata": {"name": NAME, "labels": {f"{_AGGREGATE}{role}": "true" for role in ("admin", "edit", "view")}},
        "rules": [rule],
    }
