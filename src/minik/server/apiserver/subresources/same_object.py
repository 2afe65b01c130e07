"""Subresources that are another door to the same object: status, approval, finalize, resize, ephemeralcontainers.

What each door lets through is its Strategy (Subresource.strategy in the kind's room); without one, it is the part of
the object with the subresource's name, and metadata.
"""

from collections.abc import Callable
from functools import lru_cache

from minik.api.request import Response
from minik.api.scheme import Strategy
from minik.api.types import Obj
from minik.server.apiserver.registry import answer, apply, patch, write_options
from minik.server.apiserver.registry.body import match_name, match_namespace, read_object
from minik.server.apiserver.registry.call import Call
from minik.server.apiserver.registry.dispatch import subresource_of
from minik.server.apiserver.registry.get import get
from minik.server.apiserver.registry.registry import Registry
from minik.server.apiserver.registry.update import replace_with, update_object

_ONLY = {"approval": "status"}  # the part of the object that a door without a strategy is for


async def serve(registry: Registry, call: Call) -> Response:
    if call.info.verb == "get":
        return await get(registry, call)
    subresource = subresource_of(call)
    strategy = subresource.strategy or _part(_ONLY.get(subresource.name, subresource.name))
    if call.info.verb == "update":
        return await _update(registry, call, strategy)
    return await _patch(registry, call, strategy)


async def _update(registry: Registry, call: Call, strategy: Strategy) -> Response:
    options = write_options.parse(call, "UpdateOptions")
    obj = read_object(call, call.resource, options.field_validation)
    match_namespace(call, obj)
    match_name(call, obj)
    written = await update_object(
        registry, call, replace_with(obj), options, strategy, subresource=call.info.subresource
    )
    return answer.one(registry, call, 200, written.stored, written.obj)


async def _patch(registry: Registry, call: Call, strategy: Strategy) -> Response:
    given = patch.patch_type(call)
    applying = given == patch.APPLY_PATCH
    options = write_options.parse(call, "PatchOptions", apply=applying)
    name = call.info.subresource
    if applying:
        applied = apply.read_applied(call, call.resource, options)
        change = apply.applied_by(registry, call, applied, options, strategy, name)
    else:
        change = patch.patched_by(call, given, options, call.resource)
    written = await update_object(registry, call, change, options, strategy, subresource=name, owned=applying)
    return answer.one(registry, call, 200, written.stored, written.obj)


@lru_cache(maxsize=16)
def _part(part: str) -> Strategy:
    """The rules of a door that is for one part of the object, and metadata."""
    return Strategy(prepare_update=_only(part), reset_fields=frozenset({("spec",)}) if part != "spec" else frozenset())


def _only(part: str) -> Callable[[Obj, Obj], None]:
    def prepare(new: Obj, old: Obj) -> None:
        for key in [key for key in new if key not in old and key not in (part, "metadata")]:
            del new[key]
        for key, value in old.items():
            if key not in (part, "metadata"):
                new[key] = value

    return prepare
