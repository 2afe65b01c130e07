"""/debug/scheduler/why?namespace=NS&name=POD: the running scheduler explains itself (`minik why`).

Read-only, authorized as any non-resource path. What it says of a Pod that has a node is what would be decided now.
"""

from collections.abc import Awaitable, Callable

import orjson

from minik.api.request import Request, Response
from minik.api.status import StatusError, not_found
from minik.api.types import Obj, UserInfo
from minik.client.informer import Informers
from minik.client.resources import PODS
from minik.server.scheduler.explanation import explain, with_extenders
from minik.server.scheduler.node_info import pod_info
from minik.server.scheduler.scheduler import Scheduler

PATH = "/debug/scheduler/why"
_OTHERS = "another scheduler's: no profile of this one is called {}"


def handler(scheduler: Scheduler, informers: Informers) -> Callable[[Request, UserInfo, str], Awaitable[Response]]:
    """Answers PATH."""

    async def why(request: Request, _user: UserInfo, _below: str) -> Response:
        namespace, name = (request.query.get(key, [""])[0] for key in ("namespace", "name"))
        pod = informers.of(PODS).get(name, namespace)
        try:
            if pod is None:
                raise not_found("", "pods", name)
            return Response(body=orjson.dumps(await _answer(scheduler, pod)))
        except StatusError as error:
            return Response(status=error.code, body=orjson.dumps(error.status()))

    return why


async def _answer(scheduler: Scheduler, pod: Obj) -> Obj:
    metadata, spec = pod["metadata"], pod["spec"]
    wanted, node = spec.get("schedulerName") or "", spec.get("nodeName") or ""
    found: Obj = {
        "pod": {"namespace": metadata["namespace"], "name": metadata["name"], "uid": metadata["uid"]},
        "schedulerName": wanted,
        "phase": (pod.get("status") or {}).get("phase") or "",
    }
    if node:
        found["nodeName"] = node
    nominated = (pod.get("status") or {}).get("nominatedNodeName")
    if nominated:
        found["nominatedNodeName"] = nominated
    profile = scheduler.profiles.get(wanted)
    if profile is None:
        found["queue"] = {"state": _OTHERS.format(wanted)}
        return found
    info = pod_info(pod)
    found["queue"] = {"state": "scheduled"} if node else _queue(scheduler, info.key)
    snapshot = scheduler.cache.snapshot(info)
    explained = explain(profile, info, snapshot)
    return found | await with_extenders(explained, scheduler.extenders, info, snapshot)


def _queue(scheduler: Scheduler, key: str) -> Obj:
    return scheduler.queue.describe(key)
