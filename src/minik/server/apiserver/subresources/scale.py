"""`scale`: replicas of anything that has them, spoken as autoscaling/v1 Scale.

https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/scale-v1/
Reads and writes go to the parent; who sets replicas here owns spec.replicas there (subresource "scale").
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

import orjson

from minik.api import selectors
from minik.api.columns import AGE, NAME, age
from minik.api.number_validation import validate_not_negative
from minik.api.object_meta import validate_object_meta
from minik.api.patch import apply as server_side_apply
from minik.api.patch import managed_fields, scale_fields
from minik.api.request import Response
from minik.api.schema import decode, types
from minik.api.scheme import Column, Resource
from minik.api.status import StatusError, bad_request, conflict, not_found
from minik.api.types import Obj
from minik.api.validation import invalid
from minik.server.apiserver.admission.attributes import Operation
from minik.server.apiserver.registry import answer, apply, patch, write_options
from minik.server.apiserver.registry.body import match_name, match_namespace, media_type
from minik.server.apiserver.registry.call import Call
from minik.server.apiserver.registry.create import attributes_of
from minik.server.apiserver.registry.dispatch import Handler
from minik.server.apiserver.registry.metadata import timestamp
from minik.server.apiserver.registry.registry import Registry
from minik.server.apiserver.registry.update import Change, update_object
from minik.server.apiserver.registry.write_options import WriteOptions
from minik.server.apiserver.subresources.scaling import Scaling

_UNSET = -(1 << 31)  # in the place of replicas that an object does not have yet


def _spec(obj: Obj) -> Obj:
    return obj.get("spec") or {}


def _cells(scale: Obj, now: datetime) -> list[Any]:
    wanted, there = _spec(scale).get("replicas", 0), (scale.get("status") or {}).get("replicas", 0)
    return [scale["metadata"]["name"], wanted, there, age(scale, now)]


SCALE = Resource(
    group="autoscaling",
    version="v1",
    kind="Scale",
    plural="scales",
    singular="scale",
    type_name="io.k8s.api.autoscaling.v1.Scale",
    columns=(
        NAME,
        Column(
            "Desired", type="integer", description="replicas is the desired number of instances for the scaled object."
        ),
        Column(
            "Available",
            type="integer",
            description="replicas is the actual number of observed instances of the scaled object.",
        ),
        AGE,
    ),
    cells=_cells,
    stored=False,
)


def _set_replicas(obj: Obj, replicas: int) -> None:
    obj["spec"] = {**_spec(obj), "replicas": replicas}


def _selector(obj: Obj) -> str:
    selector = _spec(obj).get("selector") or {}
    if obj["kind"] == "ReplicationController":
        return str(selectors.of_labels(selector))
    return str(selectors.of_object(selector))


BUILT_IN = Scaling(
    replicas=lambda obj: _spec(obj).get("replicas") or 0,
    set_replicas=_set_replicas,
    status_replicas=lambda obj: (obj.get("status") or {}).get("replicas") or 0,
    selector=_selector,
)


def _scaling_of(resource: Resource) -> Scaling:
    if not resource.custom:
        return BUILT_IN
    from minik.server.apiserver.subresources.custom_scale import scaling_of  # only custom resources need it

    return scaling_of(resource)


def handler() -> Handler:
    """The handler of `scale`."""

    async def serve(registry: Registry, call: Call) -> Response:
        scaling = _scaling_of(call.resource)
        if call.info.verb == "get":
            current = registry.storage.get(call.resource, call.namespace, call.name)
            if current is None:
                raise _nothing_to_read(call)
            await registry.readable(call.resource, [current])
            obj = registry.layout(call.resource).decode(current)
            scaling.check(obj)
            return _answer(call, to_scale(obj, scaling))
        if call.info.verb == "update":
            options = write_options.parse(call, "UpdateOptions")
            return await _write(registry, call, scaling, options, _sent(call, options))
        return await _patch(registry, call, scaling)

    return serve


def _answer(call: Call, scale: Obj) -> Response:
    return answer.document(replace(call, resource=SCALE), 200, scale)


def to_scale(parent: Obj, scaling: Scaling) -> Obj:
    metadata = parent["metadata"]
    kept = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
    replicas, selector = scaling.replicas(parent), scaling.selector(parent)
    status: Obj = {"replicas": scaling.status_replicas(parent)}
    if selector:
        status["selector"] = selector
    return {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": {key: metadata[key] for key in kept if key in metadata},
        "spec": {"replicas": replicas} if replicas else {},
        "status": status,
    }


def _sent(call: Call, options: WriteOptions) -> Callable[[Obj], Obj]:
    if call.request.obj is not None:
        sent = call.request.obj
    else:
        sent, warnings = decode.decode_body(
            call.request.body,
            media_type(call),
            types.get(SCALE.type_name),
            field_validation=options.field_validation,
        )
        for warning in warnings:
            call.warn(warning)
    sent.setdefault("metadata", {})
    match_namespace(call, sent)
    match_name(call, sent)
    return lambda _: sent


async def _patch(registry: Registry, call: Call, scaling: Scaling) -> Response:
    given = patch.patch_type(call)
    applying = given == patch.APPLY_PATCH
    options = write_options.parse(call, "PatchOptions", apply=applying)
    if applying:
        return await _apply(registry, call, scaling, options)
    read: list[patch.Patch] = []

    def patched(scale: Obj) -> Obj:
        if not read:
            read.append(patch.read_patch(call, given, options))
        new = patch.patched_object(call, read[0], scale, options, SCALE)
        match_namespace(call, new)
        match_name(call, new)
        return new

    return await _write(registry, call, scaling, options, patched)


async def _apply(registry: Registry, call: Call, scaling: Scaling, options: WriteOptions) -> Response:
    applied = apply.read_applied(call, SCALE, options)

    def merged(scale: Obj) -> Obj:
        new = server_side_apply.apply(
            scale,
            applied.configuration,
            shape=types.get(SCALE.type_name),
            manager=options.field_manager,
            api_version=SCALE.api_version,
            force=options.force,
            now=timestamp(registry.now()),
            subresource="scale",
        )
        apply.tell_repeats(call, applied, options)
        match_name(call, new)
        return new

    return await _write(registry, call, scaling, options, merged, owned=True)


async def _write(
    registry: Registry,
    call: Call,
    scaling: Scaling,
    options: WriteOptions,
    wanted: Callable[[Obj], Obj],
    *,
    owned: bool = False,
) -> Response:
    """`owned`: `wanted` keeps the Scale's managedFields itself."""
    resource = call.resource
    if not resource.custom and registry.storage.get(resource, call.namespace, call.name) is None:
        raise _no_scale(call)
    change = _scaled(registry, call, scaling, options, wanted, owned=owned)
    written = await update_object(
        registry, call, change, options, call.resource.strategy, subresource="scale", owned=True, admit=False
    )
    return _answer(call, to_scale(written.obj, scaling))


def _scaled(
    registry: Registry,
    call: Call,
    scaling: Scaling,
    options: WriteOptions,
    wanted: Callable[[Obj], Obj],
    *,
    owned: bool,
) -> Change:
    """The parent with the replicas of the Scale wanted, after the Scale passed admission."""
    paths = _replicas_paths(registry, call.resource, scaling)

    async def change(old: Obj) -> Obj:
        before = to_scale(old, scaling)
        if scaling.is_unset(old):
            before["spec"]["replicas"] = _UNSET
        entries = old["metadata"].get("managedFields", [])
        before["metadata"]["managedFields"] = scale_fields.of_scale(entries, paths)
        scale = wanted(before)
        if not owned:
            scale = managed_fields.update(
                before,
                scale,
                shape=types.get(SCALE.type_name),
                manager=options.field_manager,
                api_version=SCALE.api_version,
                now=timestamp(registry.now()),
                subresource="scale",
            )
        attributes = attributes_of(call, Operation.UPDATE, scale, before, options)
        attributes.kind = "Scale"
        await registry.admission.mutate(attributes)
        scale = attributes.obj or scale
        replicas = _spec(scale).get("replicas") or 0
        if replicas == _UNSET:
            raise bad_request(f'the spec replicas field ".{".".join(scaling.path)}" cannot be empty')
        if not scaling.own_validation:
            _check(call, scale)
            _check_uid(call, scale, old)
        await registry.admission.validate(attributes)
        new: Obj = orjson.loads(orjson.dumps(old))
        scaling.set_replicas(new, replicas)
        owners = scale["metadata"].get("managedFields", [])
        new["metadata"]["managedFields"] = scale_fields.of_parent(entries, owners, paths, call.resource.api_version)
        for key in ("resourceVersion", "uid"):
            new["metadata"][key] = scale["metadata"].get(key) or old["metadata"][key]
        return new

    return change


def _replicas_paths(registry: Registry, resource: Resource, scaling: Scaling) -> dict[str, tuple[str, ...]]:
    """Where the replicas are in each version of the resource."""
    if not resource.custom:
        return {resource.api_version: scaling.path}
    versions = (r for r in registry.scheme if r.storage == resource.storage and r.scale_paths)
    return {version.api_version: _scaling_of(version).path for version in versions}


def _check(call: Call, scale: Obj) -> None:
    errors = validate_object_meta(scale["metadata"], namespaced=True)
    errors += validate_not_negative(_spec(scale).get("replicas"), "spec.replicas")
    if errors:
        raise invalid("autoscaling", "Scale", call.name, errors)


def _check_uid(call: Call, scale: Obj, parent: Obj) -> None:
    """That of a patched Scale. A PUT has its uid checked by the storage."""
    wanted, actual = scale["metadata"].get("uid", ""), parent["metadata"]["uid"]
    if call.info.verb == "patch" and wanted and wanted != actual:
        text = f"Precondition failed: UID in precondition: {wanted}, UID in object meta: {actual}"
        raise conflict(call.resource.group, f"{call.resource.plural}/scale", call.name, text)


def _nothing_to_read(call: Call) -> StatusError:
    """Upstream's kinds do not agree on whether the object is missing or its Scale, nor on the group of that."""
    named = {"replicasets": "apps", "replicationcontrollers": "autoscaling"}.get(call.resource.plural)
    if call.resource.custom or named is None:
        return call.not_found()
    return not_found(named, f"{call.resource.plural}/scale", call.name)


def _no_scale(call: Call) -> StatusError:
    """What upstream's own kinds say when there is nothing to write to; custom resources name the object."""
    return not_found(call.resource.group, f"{call.resource.plural}/scale", call.name)
