"""What the cluster knows of its DNS: the kube-dns Service at the cluster DNS address, and the right to read names.

Every node answers that address itself (agent/dns), so the Service has no endpoints; it is there because tools look for
it and so that nobody else is given its address.
"""

import asyncio

from minik.api.types import GVR, Obj
from minik.client.client import APPLY_PATCH, Client
from minik.client.resources import SERVICES

_RBAC = "rbac.authorization.k8s.io"
_ROLES, _BINDINGS = GVR(_RBAC, "v1", "clusterroles"), GVR(_RBAC, "v1", "clusterrolebindings")
_ROLE = "minik-cluster-dns"
_READER = "system:kube-proxy"  # the identity of the part of an agent that reads Services


class ClusterDnsObjects:
    """Component "cluster-dns": applies the objects once, then only waits."""

    name = "cluster-dns"

    def __init__(self, client: Client, address: str) -> None:
        self._client = client
        self._address = address

    async def run(self, ready: asyncio.Event) -> None:
        for resource, obj in objects(self._address):
            meta = obj["metadata"]
            await self._client.patch(
                resource,
                meta["name"],
                obj,
                meta.get("namespace"),
                patch_type=APPLY_PATCH,
                field_manager="minik",
                force=True,
            )
        ready.set()
        await asyncio.Event().wait()


def objects(address: str) -> list[tuple[GVR, Obj]]:
    """What is applied."""
    rule = {"apiGroups": [""], "resources": ["namespaces"], "verbs": ["list", "watch"]}
    labels = {"k8s-app": "kube-dns", "kubernetes.io/name": "CoreDNS", "kubernetes.io/cluster-service": "true"}
    ports = [
        {"name": "dns", "port": 53, "protocol": "UDP", "targetPort": 53},
        {"name": "dns-tcp", "port": 53, "protocol": "TCP", "targetPort": 53},
    ]
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "kube-dns", "namespace": "kube-system", "labels": labels},
        "spec": {"clusterIP": address, "ports": ports},
    }
    role = {"apiVersion": f"{_RBAC}/v1", "kind": "ClusterRole", "metadata": {"name": _ROLE}, "rules": [rule]}
    binding = {
        "apiVersion": f"{_RBAC}/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": _ROLE},
        "roleRef": {"apiGroup": _RBAC, "kind": "ClusterRole", "name": _ROLE},
        "subjects": [{"apiGroup": _RBAC, "kind": "User", "name": _READER}],
    }
    return [(SERVICES, service), (_ROLES, role), (_BINDINGS, binding)]
