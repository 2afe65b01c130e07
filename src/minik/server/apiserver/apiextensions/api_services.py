"""An APIService for every group version that definitions serve, as for those that are built in.

Upstream: kube-apiserver's crdregistration and autoregistration controllers.
"""

import logging
from collections.abc import Awaitable, Iterable

from minik.api.scheme import Scheme
from minik.api.status import StatusError
from minik.api.types import GVR, Obj
from minik.client.client import Client
from minik.server.apiserver.objects import Objects

log = logging.getLogger("minik.apiserver.apiextensions")

API_SERVICES = GVR("apiregistration.k8s.io", "v1", "apiservices")
_MANAGED = "kube-aggregator.kubernetes.io/automanaged"
_GROUP_PRIORITY, _VERSION_PRIORITY = 1000, 100


def _wanted(group: str, version: str) -> Obj:
    return {
        "apiVersion": "apiregistration.k8s.io/v1",
        "kind": "APIService",
        "metadata": {"name": f"{version}.{group}", "labels": {_MANAGED: "true"}},
        "spec": {
            "group": group,
            "version": version,
            "groupPriorityMinimum": _GROUP_PRIORITY,
            "versionPriority": _VERSION_PRIORITY,
        },
    }


def changes(served: Iterable[tuple[str, str]], present: Iterable[Obj]) -> tuple[list[Obj], list[str]]:
    """What to create, and the names of what to delete. Only what is managed like this is ever deleted."""
    wanted = {f"{version}.{group}": _wanted(group, version) for group, version in served}
    known = {obj["metadata"]["name"]: obj for obj in present}
    ours = [name for name, obj in known.items() if (obj["metadata"].get("labels") or {}).get(_MANAGED) == "true"]
    new = [wanted[name] for name in sorted(wanted.keys() - known.keys())]
    return new, sorted(name for name in ours if name not in wanted)


async def reconcile(scheme: Scheme, objects: Objects, client: Client) -> None:
    served = {(resource.group, resource.version) for resource in scheme if resource.custom}
    new, gone = changes(served, objects.list(API_SERVICES))
    for obj in new:
        await _quietly(client.create(API_SERVICES, obj))
    for name in gone:
        await _quietly(client.delete(API_SERVICES, name))


async def _quietly(request: Awaitable[Obj]) -> None:
    """Somebody else may have been faster."""
    try:
        await request
    except StatusError as error:
        if error.code not in (404, 409):
            log.warning("cannot register a group version: %s", error)
