"""GET of one object."""

from minik.api.request import Response
from minik.server.apiserver.registry import answer
from minik.server.apiserver.registry.call import Call
from minik.server.apiserver.registry.read_options import parse_revision, too_large
from minik.server.apiserver.registry.registry import Registry


async def get(registry: Registry, call: Call) -> Response:
    """The present state; a resourceVersion only says how new it must be at least."""
    if call.request.query:
        revision = parse_revision(call.parameter("resourceVersion"))
        current = registry.storage.store.revision
        if revision is not None and revision > current:
            raise too_large(revision, current)
    stored = registry.storage.get(call.resource, call.namespace, call.name)
    if stored is None:
        raise call.not_found()
    await registry.readable(call.resource, [stored])
    return answer.one(registry, call, 200, stored)
