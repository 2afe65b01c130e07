"""GET of one object."""

from minik.api.request import Response
from minik.api.status import bad_request
from minik.server.apiserver.registry import answer
from minik.server.apiserver.registry.call import Call
from minik.server.apiserver.registry.freshness import wait_for
from minik.server.apiserver.registry.read_options import parse_revision
from minik.server.apiserver.registry.registry import Registry
from minik.server.apiserver.request_info import truthy


async def get(registry: Registry, call: Call) -> Response:
    """The present state; a resourceVersion only says how new it must be at least."""
    if call.request.query:
        if truthy(call.request.query, "export"):
            raise bad_request("the export parameter, deprecated since v1.14, is no longer supported")
        revision = parse_revision(call.parameter("resourceVersion"))
        if revision is not None:
            await wait_for(registry.storage.store, revision)
    stored = registry.storage.get(call.resource, call.namespace, call.name)
    if stored is None:
        raise call.not_found()
    await registry.readable(call.resource, [stored])
    return answer.one(registry, call, 200, stored)
