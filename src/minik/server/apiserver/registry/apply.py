"""Server-side apply: the applied configuration merged into what is there, or created.

https://kubernetes.io/docs/reference/using-api/server-side-apply/
"""

from typing import Any, NamedTuple

from minik.api.codec import json_codec
from minik.api.patch import apply as server_side_apply
from minik.api.request import Response
from minik.api.schema import decode, strict
from minik.api.schema.body import may_repeat_keys
from minik.api.schema.values import found
from minik.api.scheme import Resource, Strategy
from minik.api.status import bad_request, conflict
from minik.api.types import Obj
from minik.server.apiserver.registry import answer, ownership
from minik.server.apiserver.registry.body import match_name, match_namespace
from minik.server.apiserver.registry.call import Call
from minik.server.apiserver.registry.create import create_object
from minik.server.apiserver.registry.metadata import timestamp
from minik.server.apiserver.registry.registry import Registry
from minik.server.apiserver.registry.shapes import shape_of
from minik.server.apiserver.registry.update import Change, update_object
from minik.server.apiserver.registry.write_options import WriteOptions


class Applied(NamedTuple):
    """An applied configuration as it was read, and what its text has to say against itself (repeated keys)."""

    configuration: Obj
    repeats: list[str]


async def apply(registry: Registry, call: Call, options: WriteOptions) -> Response:
    """Creates the object if it is not there (201)."""
    applied = read_applied(call, call.resource, options)
    if registry.storage.get(call.resource, call.namespace, call.name) is None:
        return await _create(registry, call, applied, options)
    change = applied_by(registry, call, applied, options, call.resource.strategy)
    written = await update_object(registry, call, change, options, call.resource.strategy, owned=True)
    return answer.one(registry, call, 200, written.stored, written.obj)


async def _create(registry: Registry, call: Call, applied: Applied, options: WriteOptions) -> Response:
    resource = call.resource
    obj = merged(registry, call, None, applied, options, resource.strategy)
    metadata = obj["metadata"]
    if metadata.get("uid"):
        text = f"uid mismatch: the provided object specified uid {metadata['uid']}, and no existing object was found"
        raise conflict(resource.group, resource.plural, call.name, text)
    metadata.pop("resourceVersion", None)
    match_namespace(call, obj)
    match_name(call, obj)
    stored, obj = await create_object(registry, call, obj, options, owned=True)
    return answer.one(registry, call, 201, stored, obj)


def applied_by(
    registry: Registry, call: Call, applied: Applied, options: WriteOptions, strategy: Strategy, subresource: str = ""
) -> Change:
    """The change an applied configuration asks for."""

    async def change(old: Obj) -> Obj:
        obj = merged(registry, call, old, applied, options, strategy, subresource)
        match_namespace(call, obj)
        match_name(call, obj)
        return obj

    return change


def merged(
    registry: Registry,
    call: Call,
    live: Obj | None,
    applied: Applied,
    options: WriteOptions,
    strategy: Strategy,
    subresource: str = "",
) -> Obj:
    resource = call.resource
    obj = server_side_apply.apply(
        live,
        applied.configuration,
        shape=shape_of(resource),
        manager=options.field_manager,
        api_version=resource.api_version,
        force=options.force,
        now=timestamp(registry.now()),
        subresource=subresource,
        reset_fields=strategy.reset_fields,
    )
    tell_repeats(call, applied, options)
    if subresource == "scale":
        ownership.forget_times(obj)
    if obj == live:
        return obj
    pruned = decode.prune(obj, shape_of(resource))
    return {"kind": obj["kind"], "apiVersion": obj["apiVersion"], **pruned}


def read_applied(call: Call, resource: Resource, options: WriteOptions) -> Applied:
    """Raises StatusError 400."""
    applied, repeats = _read(call.request.body, strictly=options.field_validation != "Ignore")
    if applied is None:
        applied = {}
    if not isinstance(applied, dict):
        text = f"json: cannot unmarshal {found(applied)} into Go value of type map[string]interface {{}}"
        raise bad_request(f"error decoding YAML: error unmarshaling JSON: while decoding JSON: {text}")
    api_version, kind = applied.get("apiVersion", ""), applied.get("kind", "")
    if (api_version, kind) != (resource.api_version, resource.kind):
        group, _, version = str(api_version).rpartition("/")
        raise bad_request(f"invalid object type: {group}/{version}, Kind={kind}")
    metadata = applied.setdefault("metadata", {})
    if not isinstance(metadata, dict):
        raise bad_request("metadata accessor error")
    if metadata.get("managedFields") is not None:
        raise bad_request("metadata.managedFields must be nil")
    return Applied(applied, repeats)


def tell_repeats(call: Call, applied: Applied, options: WriteOptions) -> None:
    """Keys that the text repeats, once the rest has been found to be good. Raises StatusError 400."""
    if options.field_validation == "Strict" and applied.repeats:
        raise bad_request(f"error strict decoding YAML: error converting YAML to JSON: {applied.repeats[0]}")
    if options.field_validation != "Ignore":
        for warning in strict.as_warnings(applied.repeats):
            call.warn(warning)


def _read(body: bytes, *, strictly: bool) -> tuple[Any, list[str]]:
    if body.lstrip()[:1] == b"{":
        try:
            value = json_codec.loads(body)
            if not (strictly and may_repeat_keys(body, value)):
                return value, []
        except json_codec.JSONError:
            pass  # JSON that is none may still be YAML
    from minik.api.codec import yaml_codec  # only YAML bodies need it

    try:
        return yaml_codec.loads(body)
    except yaml_codec.YAMLError as error:
        raise bad_request(f"error decoding YAML: error converting YAML to JSON: {error}") from None
