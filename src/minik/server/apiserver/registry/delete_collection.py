"""DELETE of a collection: every selected object is deleted by itself; the answer lists what was found."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from minik.api.request import Response
from minik.api.status import StatusError
from minik.server.apiserver.registry import delete_options, selection
from minik.server.apiserver.registry.call import Call
from minik.server.apiserver.registry.delete import delete_object
from minik.server.apiserver.registry.delete_options import DeleteOptions
from minik.server.apiserver.registry.list import read, respond
from minik.server.apiserver.registry.read_options import parse_list
from minik.server.apiserver.registry.registry import Registry
from minik.store.store import KeyValue

_AT_ONCE = 64  # deletions waiting for the same commit


async def delete_collection(registry: Registry, call: Call) -> Response:
    list_options = parse_list(call)
    options = delete_options.parse(call)
    page = await read(registry, call, selection.of_call(call), list_options)
    for start in range(0, len(page.kvs), _AT_ONCE):
        await _delete_some(registry, call, options, page.kvs[start : start + _AT_ONCE])
    return respond(registry, call, page)


async def _delete_some(registry: Registry, call: Call, options: DeleteOptions, kvs: Sequence[KeyValue]) -> None:
    """Raises the first refusal there is; what was deleted stays deleted."""
    try:
        async with asyncio.TaskGroup() as tasks:
            for kv in kvs:
                tasks.create_task(_delete_one(registry, call, options, kv))
    except* StatusError as refusals:
        refusal = refusals.exceptions[0]
    else:
        return
    raise refusal


async def _delete_one(registry: Registry, call: Call, options: DeleteOptions, kv: KeyValue) -> None:
    metadata = registry.layout(call.resource).decode(kv)["metadata"]
    info = replace(call.info, name=metadata["name"], namespace=metadata.get("namespace", ""))
    one = Call(
        request=call.request,
        info=info,
        resource=call.resource,
        user=call.user,
        form=call.form,
        warnings=call.warnings,
    )
    try:
        await delete_object(registry, one, options)
    except StatusError as error:
        if error.code != 404:
            raise
