"""Who owns which field: managedFields kept up on every create and update (server-side apply's bookkeeping).

https://kubernetes.io/docs/reference/using-api/server-side-apply/#field-management
"""

from minik.api.patch import managed_fields
from minik.api.schema import emptied
from minik.api.scheme import Strategy
from minik.api.types import Obj
from minik.server.apiserver.registry import custom_versions
from minik.server.apiserver.registry.call import Call
from minik.server.apiserver.registry.metadata import timestamp
from minik.server.apiserver.registry.registry import Registry
from minik.server.apiserver.registry.shapes import shape_of


def record(
    registry: Registry, call: Call, live: Obj | None, new: Obj, manager: str, strategy: Strategy, subresource: str
) -> Obj:
    """`new` with its managedFields brought up to date by an Update of `manager`."""
    resource = call.resource
    if resource.custom and not custom_versions.fits_all(registry.scheme, resource, live, new):
        return custom_versions.without_owners(new)
    obj = managed_fields.update(
        live,
        new,
        shape=shape_of(resource),
        manager=manager,
        api_version=resource.api_version,
        now=timestamp(registry.now()),
        subresource=subresource,
        reset_fields=strategy.reset_fields,
    )
    if subresource == "scale":
        forget_times(obj)
    if not resource.custom and _may_hold_empty_lists(call):
        emptied.settle(obj, shape_of(resource))
    return obj


def _may_hold_empty_lists(call: Call) -> bool:
    """Bodies with an empty list are rare, and going through an object is not free."""
    request = call.request
    return request.method == "PATCH" or request.obj is not None or b"[]" in request.body


def forget_times(obj: Obj) -> None:
    """Entries made through `scale` carry no time: upstream loses it between Scale and parent."""
    for entry in obj["metadata"].get("managedFields") or ():
        if entry.get("subresource") == "scale":
            entry.pop("time", None)


def unchanged(new: Obj, old: Obj) -> bool:
    """True if the write has no effect but new times in managedFields, which are then put back."""
    managed_fields.keep_times(old, new)
    return new == old
