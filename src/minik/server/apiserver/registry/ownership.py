"""Who owns which field: managedFields kept up on every create and update (server-side apply's bookkeeping).

https://kubernetes.io/docs/reference/using-api/server-side-apply/#field-management
"""

from minik.api.patch import managed_fields
from minik.api.schema import types
from minik.api.scheme import Strategy
from minik.api.types import Obj
from minik.server.apiserver.registry.call import Call
from minik.server.apiserver.registry.metadata import timestamp
from minik.server.apiserver.registry.registry import Registry


def record(
    registry: Registry, call: Call, live: Obj | None, new: Obj, manager: str, strategy: Strategy, subresource: str
) -> Obj:
    """`new` with its managedFields brought up to date by an Update of `manager`."""
    resource = call.resource
    return managed_fields.update(
        live,
        new,
        shape=types.get(resource.type_name),
        manager=manager,
        operation="Update",
        api_version=resource.api_version,
        now=timestamp(registry.now()),
        subresource=subresource,
        reset_fields=strategy.reset_fields,
    )


def same_but_times(new: Obj, old: Obj) -> bool:
    """True if `new` differs from `old` at most in the times of its managedFields."""
    if new == old:
        return True
    entries, before = new["metadata"].get("managedFields"), old["metadata"].get("managedFields")
    if not entries or not before or len(entries) != len(before):
        return False
    if any(_without_time(a) != _without_time(b) for a, b in zip(entries, before, strict=True)):
        return False
    metadata = {k: v for k, v in new["metadata"].items() if k != "managedFields"}
    previous = {k: v for k, v in old["metadata"].items() if k != "managedFields"}
    if metadata != previous:
        return False
    return {k: v for k, v in new.items() if k != "metadata"} == {k: v for k, v in old.items() if k != "metadata"}


def _without_time(entry: Obj) -> Obj:
    return {k: v for k, v in entry.items() if k != "time"}
